"""Jobs, throughput and topology from a real Prometheus, now and in its history."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources import prometheus_source
from gpuwatch.sources.prometheus.source import PrometheusSource
from gpuwatch.testing import backfilled, prometheus_available
from tests.sources.tape import LAST, T0, Tape, stamps

PLAN = Plan(metrics={"gpu_temperature_celsius": 0.0})
Open = Callable[..., PrometheusSource]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Makes the source of a tape that `run` would, from settings."""
    if not prometheus_available():
        pytest.skip("needs prometheus and promtool")
    with ExitStack() as stack:

        def make(tape: Tape, **sections: Any) -> PrometheusSource:
            served = stack.enter_context(backfilled(tape.text(), lookback="45s"))
            one = PrometheusSettings(url=served.url, backend="prometheus")
            settings = Settings(prometheus=[one], **sections)
            source = prometheus_source(one, settings)
            stack.callback(source.close)
            return source

        yield make


def two_nodes() -> Tape:
    tape = Tape()
    for number in range(4):
        tape.gpu("ab"[number // 2], number)
    return tape


def steps(source: PrometheusSource, start: float, step: float) -> list[Any]:
    fleet = Fleet("default")
    return list(source.history(PLAN, fleet, start, LAST, step))


def jobs_of(seen: Any) -> list[str]:
    return [seen.job(row) for row in range(seen.rows)]


def test_pairs_now_and_then(opened: Open) -> None:
    tape = two_nodes()
    first, second = stamps(T0, T0 + 120), stamps(T0 + 150)
    tape.add("runs", 1, first, host="a", run="x")
    tape.add("runs", 1, second, host="b", run="y")
    tape.add("runs", 0, second, host="a", run="z")
    tape.add("runs", 1, host="elsewhere", run="w")
    jobs = {"expr": "runs # all", "node_label": "host", "job_label": ["run"]}
    source = opened(tape, jobs=jobs)
    fleet = Fleet("default")
    assert jobs_of(source.read(PLAN, fleet, T0 + 60)) == ["x", "x", "", ""]
    now = source.read(PLAN, fleet, LAST)
    assert (jobs_of(now), now.job_source) == (["", "", "y", "y"], "expr")
    past = steps(source, T0, 60)
    assert [jobs_of(seen) for seen in past] == [
        ["x", "x", "", ""], ["x", "x", "", ""], ["x", "x", "", ""],
        ["", "", "y", "y"], ["", "", "y", "y"], ["", "", "y", "y"],
    ]  # fmt: skip


def test_pairs_by_the_sites_own_node_labels_and_gpu_by_gpu(opened: Open) -> None:
    tape = two_nodes()
    tape.add("runs", 1, node="b.site", gpu="3", job_id="9")
    jobs = {"expr": "max by (node, gpu, job_id) (runs)"}
    source = opened(tape, jobs=jobs, node_map={r"(\w)\.site": "$1"})
    seen = source.read(PLAN, Fleet("default"), LAST)
    assert jobs_of(seen) == ["", "", "", "9"]


def test_a_file_takes_over_where_the_expression_knows_nothing(
    opened: Open, tmp_path: Path
) -> None:
    path = tmp_path / "jobs.json"
    path.write_text('{"7": "a"}')
    jobs = {"expr": "no_such_metric", "file": path}
    seen = opened(two_nodes(), jobs=jobs).read(PLAN, Fleet("default"), LAST)
    assert (jobs_of(seen), seen.job_source) == (["7", "7", "", ""], "file")


def test_throughput_now_and_then(opened: Open) -> None:
    tape = two_nodes()
    tape.add("tokens", [100.0 * i for i in range(21)], job_id="7", rank="0")
    tape.add("tokens", [50.0 * i for i in range(21)], job_id="7", rank="1")
    tape.add("steps", 0, job_id="8")
    source = opened(tape, jobs={"throughput_expr": "rate(tokens[1m]) or steps / steps"})
    now = source.read(PLAN, Fleet("default"), LAST)
    assert now.throughput == {"7": pytest.approx(100 / 15), "8": 0.0}
    assert now.throughput_unit == "tokens/s"
    past = steps(source, T0, 60)
    assert "7" not in past[0].throughput
    assert [seen.throughput["7"] for seen in past[1:]] == pytest.approx([100 / 15] * 5)
    assert [seen.throughput["8"] for seen in past] == [0.0] * 6


def test_a_throughput_that_goes_absent_is_absent(opened: Open) -> None:
    tape = two_nodes()
    tape.add("speed", 5, stamps(T0, T0 + 60), hpc_job="7")
    past = steps(opened(tape, jobs={"throughput_expr": "speed"}), T0, 60)
    assert [dict(seen.throughput) for seen in past] == [
        {"7": 5}, {"7": 5}, {}, {}, {}, {}
    ]  # fmt: skip


def test_places_from_target_labels(opened: Open) -> None:
    tape = two_nodes()
    tape.add("up", 1, job="dcgm", instance="a:9400", rack="r1", row="x")
    tape.add("up", 0, job="node", instance="a:9100", pdu="p1")
    tape.add("up", 1, job="dcgm", instance="b:9400", rack="r2")
    tape.add("up", 1, job="other", instance="z:1", rack="r3")
    source = opened(tape)
    expected = {"a": {"rack": "r1", "pdu": "p1"}, "b": {"rack": "r2"}}
    fleet = Fleet("default")
    assert source.read(PLAN, fleet, LAST).places == expected
    assert source.read(PLAN, fleet, LAST).places == expected
    assert [seen.places for seen in steps(source, T0, 60)] == [expected] * 6
    assert opened(tape, topology={"labels": []}).read(PLAN, fleet, LAST).places == {}


def test_queries_that_fail_are_told_and_spoil_nothing(opened: Open) -> None:
    jobs = {"expr": "sum(", "throughput_expr": "rate("}
    seen = opened(two_nodes(), jobs=jobs).read(PLAN, Fleet("default"), LAST)
    assert seen.unread.keys() == {"jobs.expr", "jobs.throughput_expr"}
    assert np.isfinite(seen.columns["gpu_temperature_celsius"]).all()
    assert dict(seen.throughput) == {}
