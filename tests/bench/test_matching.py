from dataclasses import replace

import pytest

from bench.accuracy.alerts import Alert, Firing, Named, as_alerts
from bench.accuracy.matching import Result, score
from gpuwatch.sim.scenario import Scenario, Truth

WARM_UP = 600.0
GPU_FAULT = Truth("thermal", "node-03", 5, 1207.0, 2400.0)
NODE_FAULT = Truth("power_brake", "node-03", None, 1207.0, 2400.0)
GROUP_FAULT = Truth(
    "rack_brake", "", None, 1207.0, 2400.0, nodes=("node-03", "node-04", "node-05")
)
JOB_FAULT = Truth("hang", "", None, 1207.0, 2400.0)


def scenario(*truths: Truth, collect: float = 15.0) -> Scenario:
    return Scenario(
        "thermal_mild-7",
        7,
        nodes=12,
        duration_seconds=3000,
        collect_seconds=collect,
        truths=truths,
    )


def alert(
    told_at: float, *places: tuple[str, int | None], about_job: bool = False
) -> Alert:
    named = tuple(Named(node, gpu, told_at) for node, gpu in places)
    whole = frozenset(node for node, gpu in places if gpu is None)
    return Alert(
        "some_rule",
        told_at,
        places=named,
        whole_nodes=whole,
        about_job=about_job,
        messages=1,
    )


def scored(truth: Truth | None, *alerts: Alert, **rest: float) -> Result:
    truths = () if truth is None else (truth,)
    return score(scenario(*truths, **rest), alerts, WARM_UP, lag=0.0)


def fate(result: Result) -> tuple[bool, int, int]:
    (event,) = result.events
    return event.delay_seconds is not None, len(result.false_alerts), result.victims


CULPRIT, VICTIM = ("node-03", 5), ("node-08", 5)


@pytest.mark.parametrize(
    ("told", "found", "false", "victims"),
    [
        pytest.param([], False, 0, 0, id="nothing told"),
        pytest.param([alert(1230, CULPRIT)], True, 0, 0, id="the culprit"),
        pytest.param([alert(1807, CULPRIT)], True, 0, 0, id="at the last second"),
        pytest.param([alert(1808, CULPRIT)], False, 0, 0, id="too late, but no lie"),
        pytest.param([alert(1200, CULPRIT)], False, 1, 0, id="before it began"),
        pytest.param([alert(1230, VICTIM)], False, 1, 1, id="another node"),
        pytest.param([alert(1230, ("node-03", 4))], False, 1, 1, id="its neighbour"),
        pytest.param([alert(1230, ("node-03", None))], False, 0, 0, id="its node only"),
        pytest.param(
            [alert(1230, VICTIM), alert(1260, CULPRIT)], True, 1, 1, id="both, apart"
        ),
        pytest.param([alert(1230, CULPRIT, VICTIM)], True, 0, 1, id="both, in one"),
        pytest.param([alert(1230, about_job=True)], False, 0, 0, id="the job is slow"),
        pytest.param([alert(3600, VICTIM)], False, 1, 0, id="long after it"),
        pytest.param([alert(590, VICTIM)], False, 0, 0, id="in the warm-up"),
    ],
)
def test_a_gpus_fault(told: list[Alert], found: bool, false: int, victims: int) -> None:
    assert fate(scored(GPU_FAULT, *told)) == (found, false, victims)


@pytest.mark.parametrize(
    ("told", "found", "false", "victims"),
    [
        pytest.param([alert(1230, ("node-03", None))], True, 0, 0, id="the node"),
        pytest.param([alert(1230, CULPRIT)], True, 0, 0, id="one of its GPUs"),
        pytest.param([alert(1230, VICTIM)], False, 1, 1, id="another node"),
    ],
)
def test_a_nodes_fault(
    told: list[Alert], found: bool, false: int, victims: int
) -> None:
    assert fate(scored(NODE_FAULT, *told)) == (found, false, victims)


@pytest.mark.parametrize(
    ("told", "found", "false", "victims"),
    [
        pytest.param([alert(1230, ("node-04", 1))], True, 0, 0, id="any of its nodes"),
        pytest.param(
            [alert(1230, ("node-04", 1), ("node-06", 1))], True, 0, 1, id="and one more"
        ),
        pytest.param([alert(1230, ("node-06", 1))], False, 1, 1, id="none of them"),
        pytest.param([alert(1230, about_job=True)], False, 0, 0, id="only the job"),
    ],
)
def test_a_groups_fault(
    told: list[Alert], found: bool, false: int, victims: int
) -> None:
    assert fate(scored(GROUP_FAULT, *told)) == (found, false, victims)


@pytest.mark.parametrize(
    ("told", "found", "false", "victims"),
    [
        pytest.param([alert(1400, about_job=True)], True, 0, 0, id="the job"),
        pytest.param([alert(1400, CULPRIT)], False, 1, 1, id="a GPU of it"),
        pytest.param(
            [alert(1400, CULPRIT, about_job=True)], True, 0, 1, id="the job, by a GPU"
        ),
    ],
)
def test_a_jobs_fault(told: list[Alert], found: bool, false: int, victims: int) -> None:
    assert fate(scored(JOB_FAULT, *told)) == (found, false, victims)


@pytest.mark.parametrize(
    ("told_at", "collect", "samples"),
    [
        pytest.param(1215, 15, 1, id="the first that carries it"),
        pytest.param(1230, 15, 2, id="the second"),
        pytest.param(1244, 15, 2, id="still the second"),
        pytest.param(1245, 30, 1, id="twice the same of a slow exporter"),
        pytest.param(1260, 30, 2, id="its second"),
    ],
)
def test_delay_in_distinct_samples(
    told_at: float, collect: float, samples: int
) -> None:
    (event,) = scored(GPU_FAULT, alert(told_at, CULPRIT), collect=collect).events
    assert event.delay_samples == samples
    assert event.delay_seconds == told_at - 1207


def test_samples_that_could_not_be_seen_yet_do_not_count() -> None:
    (event,) = score(
        scenario(GPU_FAULT), [alert(1245, CULPRIT)], WARM_UP, lag=15
    ).events
    assert event.delay_samples == 2


def test_the_delay_lasts_until_the_culprit_is_named() -> None:
    """A job's incident that finds its culprit later is found later."""
    slow = replace(alert(1290, about_job=True), places=(Named("node-03", 5, 1350.0),))
    (event,) = scored(GPU_FAULT, slow).events
    assert event.delay_seconds == 1350 - 1207


def test_who_was_blamed_first() -> None:
    wrong_first = scored(GPU_FAULT, alert(1230, VICTIM), alert(1260, CULPRIT))
    node_only = scored(GPU_FAULT, alert(1230, ("node-03", None)))
    right = scored(GPU_FAULT, alert(1230, CULPRIT))
    fates = [(r.events[0].node_named, r.events[0].gpu_named) for r in (
        wrong_first, node_only, right, scored(GPU_FAULT)
    )]  # fmt: skip
    assert fates == [(False, False), (True, False), (True, True), (None, None)]


def test_all_that_was_told_of_an_event_is_counted() -> None:
    absorbed = replace(alert(1260, CULPRIT), absorbed=True)
    result = scored(GPU_FAULT, alert(1230, CULPRIT), absorbed, alert(1290, CULPRIT))
    assert (result.events[0].alerts, result.events[0].messages) == (2, 3)


def test_of_two_culprits_each_needs_its_own() -> None:
    other = replace(GPU_FAULT, node="node-08", onset_seconds=1300.0)
    result = score(scenario(GPU_FAULT, other), [alert(1360, VICTIM)], WARM_UP, lag=0)
    assert [event.delay_seconds for event in result.events] == [None, 60.0]
    assert (result.false_alerts, result.victims) == ((), 0)


def test_one_alert_can_tell_of_two() -> None:
    other = replace(GPU_FAULT, node="node-08", onset_seconds=1300.0)
    grown = replace(
        alert(1230), places=(Named(*CULPRIT, 1230.0), Named(*VICTIM, 1330.0))
    )
    result = score(scenario(GPU_FAULT, other), [grown], WARM_UP, lag=0)
    assert [event.delay_seconds for event in result.events] == [23.0, 30.0]


def test_slow_drifts_have_time() -> None:
    drift = Truth("drift", "node-03", 5, 1207.0)
    (event,) = scored(drift, alert(2900, CULPRIT)).events
    assert event.delay_seconds == 2900 - 1207


def test_fault_free_time_is_what_comes_before_the_first_fault() -> None:
    calm = scored(None, alert(1230, VICTIM))
    before = scored(GPU_FAULT, alert(1230, VICTIM), alert(700, VICTIM))
    assert calm.calm_gpu_days == pytest.approx(2400 * 96 / 86_400)
    assert before.calm_gpu_days == pytest.approx(607 * 96 / 86_400)
    assert [len(r.calm_alerts) for r in (calm, before)] == [1, 1]


def test_alertmanagers_grouping() -> None:
    def firing(gpu: int | None, since: float, until: float, rule: str = "a") -> Firing:
        return Firing(rule, "node-03", gpu, since, until)

    told = as_alerts(
        [
            firing(1, 100, 200),
            firing(2, 150, 400),
            firing(1, 699, 900),
            firing(1, 1201, 1300),
            firing(1, 150, 160, rule="b"),
        ],
        gpus_per_node=2,
    )
    assert [(a.rule, a.told_at, a.ended_at) for a in told] == [
        ("a", 100, 900),
        ("b", 150, 160),
        ("a", 1201, 1300),
    ]
    assert [len(a.places) for a in told] == [2, 1, 1]
    assert [a.whole_nodes for a in told] == [{"node-03"}, frozenset(), frozenset()]


def test_a_firing_without_a_node_is_about_the_job() -> None:
    (told,) = as_alerts([Firing("hung", "", None, 100, float("inf"))], 8)
    assert (told.about_job, told.places, told.messages) == (True, (), 1)
