"""History read by another process: what goes wrong there is said here."""

import multiprocessing
import sys

import pytest

from gpuwatch.backtest.reading import Errand, next_batch, read_ahead
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.errors import SourceError
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.testing import RealPrometheus
from tests.backtest.conftest import STANDING

PLAN = Plan(metrics={"gpu_temperature_celsius": 0.0})
STRETCH = Stretch(STANDING, STANDING + 600, 15.0, 0.0)


def errand(url: str) -> Errand:
    server = PrometheusSettings(url=url, timeout=5)
    return Errand(Settings(prometheus=(server,)), 0, PLAN, STRETCH)


def test_the_other_process_tells_what_is_here(past: RealPrometheus) -> None:
    def told(seen: object) -> list[tuple[float, list[float]]]:
        return [(s.at, s.columns["gpu_temperature_celsius"].tolist()) for s in seen]  # type: ignore[attr-defined]

    mine = errand(past.url)
    there = told(read_ahead(mine))
    assert there == told(mine.read())
    assert len(there) == 41


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match=r"cannot talk to http://127\.0\.0\.1:9: "):
        list(read_ahead(errand("http://127.0.0.1:9")))


def test_the_other_process_ends_with_the_reading(past: RealPrometheus) -> None:
    walk = read_ahead(errand(past.url))
    next(walk)
    assert len(multiprocessing.active_children()) == 1
    walk.close()
    assert multiprocessing.active_children() == []


def test_a_process_that_died_is_noticed() -> None:
    context = multiprocessing.get_context("spawn")
    batches, reader = context.Queue(1), context.Process(target=sys.exit, args=(3,))
    reader.start()
    reader.join()
    with pytest.raises(SourceError, match="the reading process ended with 3"):
        next_batch(batches, reader)
    batches.close()
    batches.join_thread()
