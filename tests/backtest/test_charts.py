"""What a chart shows: whose lines, beside whom, from when to when, and how it reads."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.backtest.chart import Chart
from gpuwatch.backtest.charts import of_incidents
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.sketch import percentiles
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from tests.backtest.past import (
    END,
    H100,
    HOUR,
    STEP,
    T0,
    incident,
    outcome,
    readings,
    small_fleet,
)
from tests.backtest.taped import Taped

ROW = 5  # node-01 GPU 1, whom `incident` is about
JOB_OF = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
JOBS = ("4211", "77")


def drawn(
    snapshots: Sequence[Snapshot], one: Incident, found: Outcome | None = None
) -> Chart:
    """The chart of one incident."""
    found = found or outcome(one)
    return of_incidents(Taped(snapshots), Plan(), small_fleet(), found)[one.id]


def test_a_gpu_beside_its_job() -> None:
    past = readings(small_fleet(), 0, 3 * HOUR, job_of=JOB_OF, jobs=JOBS)
    chart = drawn(past, incident("one", HOUR))
    clock, heat, power = chart.panels
    assert (chart.at[0] - T0, chart.at[-1] - T0) == (1800, 4800)
    assert len(chart.at) == 201
    assert chart.gpus == ("node-01 GPU 1",)
    assert chart.peers == "7 GPUs of job 4211"
    assert clock.lines.tolist() == [[1505.0] * 201]
    assert heat.lines[0, 0] == 55.0
    assert power.lines[0, 0] == 605.0
    # 1500, 1501, 1502, 1503, 1504, 1506, 1507
    assert clock.median.tolist() == [1503.0] * 201
    assert clock.low[0] == pytest.approx(1500.6)
    assert clock.high[0] == pytest.approx(1506.4)


def test_from_the_warm_up_to_the_end_of_the_run() -> None:
    past = readings(small_fleet(), -HOUR, 6 * HOUR)
    standing = incident("old", -90 * 86_400.0, None)
    short = replace(outcome(standing), end=T0 + 600)
    chart = drawn(past, standing, short)
    assert (chart.at[0] - T0, chart.at[-1] - T0) == (-1800, 600)


def test_no_further_back_than_there_are_readings() -> None:
    past = readings(small_fleet(), HOUR - 300, 3 * HOUR)
    assert drawn(past, incident("one", HOUR)).at[0] == T0 + HOUR - 300


def test_a_long_one_is_thinned() -> None:
    past = readings(small_fleet(), -HOUR, 6 * HOUR)
    chart = drawn(past, incident("long", HOUR, None))
    assert chart.step_seconds == 120.0  # 5.5 h: 1320 steps of 15 s
    assert len(chart.at) == 166
    assert set(np.diff(chart.at)) == {120.0}
    assert all((chart.at - T0) % STEP == 0)


def test_those_that_overlap_share_one_reading() -> None:
    source = Taped(readings(small_fleet(), -HOUR, 6 * HOUR))
    found = outcome(incident("a", 0), incident("b", 900), incident("later", 4 * HOUR))
    charts = of_incidents(source, Plan(), small_fleet(), found)
    assert [(start - T0, end - T0, step) for start, end, step in source.asked] == [
        (-1800, 2100, 15.0),
        (12600, 15600, 15.0),
    ]
    assert {k: (c.at[0] - T0, c.at[-1] - T0) for k, c in charts.items()} == {
        "a": (-1800, 1200),
        "b": (-900, 2100),
        "later": (12600, 15600),
    }


def test_the_worst_and_no_more() -> None:
    past = Taped(readings(small_fleet(), 0, 2 * HOUR))
    found = outcome(
        incident("mild", 0, severity=Severity.INFO),
        incident("blind", 0, members=(), scope=Scope.CLUSTER),
        incident("later", 60),
        incident("taken", 0, merged_into="first"),
        incident("first", 30),
    )
    charts = of_incidents(past, Plan(), small_fleet(), found, most=3)
    assert list(charts) == ["first", "later", "mild"]


def test_a_gpu_that_falls_silent_leaves_a_gap() -> None:
    past = readings(small_fleet(), 0, 2 * HOUR)
    for number, snapshot in enumerate(past):
        if snapshot.at >= T0 + HOUR:
            silent = np.where(np.arange(12) == ROW, np.nan, 1500.0)
            columns = {**snapshot.columns, "sm_clock_megahertz": silent}
            past[number] = replace(snapshot, columns=columns)
    clock = drawn(past, incident("gone", HOUR)).panels[0]
    assert np.isnan(clock.lines[0, -1])
    assert not np.isnan(clock.lines[0, 0])
    assert clock.median[-1] == 1500.0


def test_without_a_job_the_busy_of_its_model() -> None:
    models = [H100] * 8 + ["NVIDIA A100"] * 4
    busy = np.array([100.0, 100, 100, 0, 100, 100, 100, np.nan, 100, 100, 100, 100])
    past = readings(small_fleet(models), 0, 2 * HOUR)
    past = [
        replace(s, columns={**s.columns, "utilization_percent": busy}) for s in past
    ]
    chart = drawn(past, incident("one", HOUR))
    assert chart.peers == f"5 busy {H100}"
    assert chart.panels[0].median[0] == 1502.0  # rows 0, 1, 2, 4, 6


def test_alone_of_its_model_it_is_held_against_its_node() -> None:
    models = [H100] * 5 + ["NVIDIA A100"] + [H100] * 6
    chart = drawn(readings(small_fleet(models), 0, 2 * HOUR), incident("one", HOUR))
    assert chart.peers == "3 other GPUs of the node"
    assert chart.panels[0].median[0] == 1506.0  # rows 4, 6, 7


def test_nobody_to_be_held_against() -> None:
    lonely = Fleet("train", [Gpu("node-01", "GPU-1-1", "", 1, H100)], ["node-01"])
    chart = drawn(readings(lonely, 0, 2 * HOUR), incident("one", HOUR))
    assert chart.peers == ""
    assert np.isnan(chart.panels[0].median).all()
    assert chart.panels[0].lines[0, 0] == 1500.0


def test_a_job_that_began_with_the_fault_is_still_its_peers() -> None:
    past = readings(small_fleet(), 0, HOUR - 30)
    past += readings(small_fleet(), HOUR - 15, 2 * HOUR, job_of=JOB_OF, jobs=JOBS)
    chart = drawn(past, incident("one", HOUR))
    assert chart.peers == "7 GPUs of job 4211"
    assert np.isnan(chart.panels[0].median[0])
    assert chart.panels[0].median[-1] == 1503.0


def test_a_gpu_that_falls_silent_keeps_the_peers_it_had() -> None:
    left = np.where(np.arange(12) == ROW, -1, JOB_OF)
    past = readings(small_fleet(), 0, HOUR - 15, job_of=JOB_OF, jobs=JOBS)
    past += readings(small_fleet(), HOUR, 2 * HOUR, job_of=left, jobs=JOBS)
    inferred = incident("gone", HOUR, job="(inferred) node-00")
    chart = drawn(past, inferred)
    assert chart.peers == "7 GPUs of job 4211"
    assert set(chart.panels[0].median) == {1503.0}


def test_a_node_is_all_of_its_gpus() -> None:
    node = incident("node", HOUR, members=(Member("node-01"),), scope=Scope.NODE)
    chart = drawn(readings(small_fleet(), 0, 2 * HOUR), node)
    assert chart.gpus == tuple(f"node-01 GPU {slot}" for slot in range(4))
    assert chart.peers == f"8 busy {H100}"


def test_of_many_gpus_eight_are_drawn() -> None:
    members = tuple(Member(f"node-{n:02}") for n in range(3))
    chart = drawn(readings(small_fleet(), 0, 2 * HOUR), incident("all", 0, 60, members))
    assert (len(chart.gpus), chart.left_out) == (8, 4)
    assert len(chart.panels[0].lines) == 8


def test_a_job_without_a_culprit_is_its_band_alone() -> None:
    hung = incident("hung", HOUR, members=(), scope=Scope.JOB, job="77")
    past = readings(small_fleet(), 0, 2 * HOUR, job_of=JOB_OF, jobs=JOBS)
    chart = drawn(past, hung)
    assert chart.gpus == ()
    assert chart.peers == "4 GPUs of job 77"
    assert chart.panels[0].median[0] == 1509.5


def test_a_metric_that_nobody_exports_is_said_to_be_missing() -> None:
    past = [
        replace(s, columns={"power_watts": s.columns["power_watts"]})
        for s in readings(small_fleet(), 0, 2 * HOUR)
    ]
    clock, heat, power = drawn(past, incident("one", HOUR)).panels
    assert clock.missing == "not exported: no DCGM_FI_DEV_SM_CLOCK in these metrics"
    assert heat.missing == "not exported: no DCGM_FI_DEV_GPU_TEMP in these metrics"
    assert (power.missing, clock.known, power.known) == ("", False, True)


def test_a_metric_that_failed_says_why() -> None:
    unread = {"sm_clock_megahertz": "HTTP 422"}
    past = [
        replace(s, columns={"power_watts": s.columns["power_watts"]})
        for s in readings(small_fleet(), 0, 2 * HOUR, unread=unread)
    ]
    assert drawn(past, incident("one", HOUR)).panels[0].missing == "not read: HTTP 422"


def test_history_that_cannot_be_read_again_costs_only_its_charts() -> None:
    source = Taped(readings(small_fleet(), -HOUR, 6 * HOUR), refuses_before=T0)
    found = outcome(incident("early", 0), incident("late", 4 * HOUR))
    charts = of_incidents(source, Plan(), small_fleet(), found)
    assert charts["early"].panels[0].missing == "not read: up: HTTP 503"
    assert charts["late"].panels[0].known


def test_history_without_a_reading() -> None:
    chart = drawn([], incident("one", HOUR))
    assert {panel.missing for panel in chart.panels} == {
        "not read: no reading in that time"
    }


def test_rows_that_come_later_are_found_when_they_come() -> None:
    fleet = small_fleet()
    first = Fleet("train", fleet.gpus[:4], fleet.nodes[:1])
    past = readings(first, 0, HOUR - 15)
    past += readings(fleet, HOUR, 2 * HOUR)
    clock = drawn(past, incident("new", HOUR + 60)).panels[0]
    lines = clock.lines[0]
    assert np.isnan(lines[0])
    assert lines[-1] == 1505.0


def test_only_what_a_chart_needs_is_asked_for() -> None:
    source = Taped(readings(small_fleet(), 0, END - T0))
    whole = Plan(metrics={"xid": 0.0, "energy_joules": 600.0})
    of_incidents(source, whole, small_fleet(), outcome(incident("one", HOUR)))
    assert [set(plan.metrics) for plan in source.plans] == [
        {
            "sm_clock_megahertz",
            "gpu_temperature_celsius",
            "power_watts",
            "utilization_percent",
        }
    ]


@pytest.mark.parametrize("peers", [3, 4, 7, 100])
def test_percentiles_are_numpys_without_what_is_not_known(peers: int) -> None:
    rng = np.random.default_rng(peers)
    values = rng.normal(1700, 30, (2, peers))
    gaps = np.concatenate([values, np.full((2, 5), np.nan)], axis=1)
    mixed = rng.permuted(gaps, axis=1)
    assert percentiles(mixed) == pytest.approx(
        np.percentile(values, [10, 50, 90], axis=1).T
    )


def test_two_peers_are_no_band() -> None:
    assert np.isnan(percentiles(np.array([[1.0, 2.0, np.nan, np.nan]]))).all()
    assert np.isnan(percentiles(np.empty((3, 0)))).all()
