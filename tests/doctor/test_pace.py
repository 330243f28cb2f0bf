"""Scrape and collect intervals, found from history, and what is said of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from gpuwatch.doctor.pace import Pace, measured, pace
from gpuwatch.doctor.sight import Server
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.testing import FakePrometheus

NOW = 1_700_000_000.0
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
GPU = {"UUID": "GPU-a.0", "instance": "a:9400"}


def scraped(every: float, collected: float, *, times: bool) -> Mapping[str, Any]:
    """What a server answers to one GPU's last five minutes, on a grid of seconds."""
    values = []
    for second in range(301):
        at = NOW - 300 + second
        scrape = at - at % every
        energy = (scrape // collected) * 1000.0
        values.append([at, str(scrape if times else energy)])
    return {"resultType": "matrix", "result": [{"metric": GPU, "values": values}]}


@pytest.fixture
def server(fake_prometheus: FakePrometheus) -> Iterator[Server]:
    cluster = PrometheusSettings(url=fake_prometheus.url)
    client = PrometheusClient(cluster, deadline_seconds=5.0)
    yield Server(cluster, Settings(), client, NOW, NameBook.of([ENERGY]), [GPU])
    client.close()


@pytest.mark.parametrize(
    ("every", "collected", "found"),
    [(15.0, 30.0, (15.0, 30.0)), (30.0, 1.0, (30.0, 30.0)), (5.0, 5.0, (5.0, 5.0))],
)
def test_measured(
    server: Server,
    fake_prometheus: FakePrometheus,
    every: float,
    collected: float,
    found: tuple[float, float],
) -> None:
    fake_prometheus.answer(ENERGY, scraped(every, collected, times=False))
    fake_prometheus.answer("timestamp(", scraped(every, collected, times=True))
    seen = measured(server)
    assert (seen.scrape_seconds, seen.collect_seconds) == pytest.approx(found)
    asked = [query for query in fake_prometheus.queries if "timestamp" in query]
    assert asked == [f'timestamp({ENERGY}{{UUID=~"GPU-a\\\\.0"}})']


def test_nothing_yet(server: Server) -> None:
    assert measured(server) == Pace(None, None)


def said(
    scrape: float | None,
    collect: float | None,
    *,
    poll: float = 15.0,
    oldest: float = 90.0,
    server: Server,
) -> tuple[str, str, str]:
    cluster = server.cluster.model_copy(update={"max_sample_age": oldest})
    settings = Settings(poll_interval=poll)
    given = Server(cluster, settings, server.client, NOW, server.book, server.series)
    found = pace(given, Pace(scrape, collect))
    return found.state.value, found.what, found.mend


def test_all_fits(server: Server) -> None:
    state, what, _ = said(15.0, 15.0, server=server)
    assert state == "ok"
    assert what == "scraped every 15s, each time with new values, asked every 15s"


def test_slow_collecting_is_a_hint(server: Server) -> None:
    state, what, mend = said(15.0, 30.0, server=server)
    assert (state, what) == ("ok", "scraped every 15s, with new values every 30s")
    assert mend.endswith("--collect-interval=15000")


def test_polling_faster_than_scraping(server: Server) -> None:
    state, what, mend = said(30.0, 30.0, server=server)
    assert state == "warn"
    assert "asking every 15s sees most samples twice" in what
    assert mend.startswith("set poll_interval: 30s")


def test_jitter_is_no_fault(server: Server) -> None:
    assert said(15.7, 15.7, server=server)[0] == "ok"


@pytest.mark.parametrize(
    ("scrape", "state"),
    [(60.0, "warn"), (89.0, "warn"), (90.0, "fail"), (300.0, "fail")],
)
def test_samples_that_are_thought_stale_too_soon(
    server: Server, scrape: float, state: str
) -> None:
    found, what, mend = said(scrape, None, poll=60.0, server=server)
    assert found == state
    assert "max_sample_age 1m30s is too short" in what
    assert mend.startswith("set max_sample_age: ")


def test_too_young_to_tell(server: Server) -> None:
    assert said(None, None, server=server)[0] == "skip"
