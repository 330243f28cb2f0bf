import re
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from bench.accuracy import minder, promql
from bench.accuracy.alerts import NEVER
from bench.accuracy.handwritten import COMMUNITY, EXPERT, HandRule, spoken
from bench.accuracy.promql import fired, place_of, stretches
from bench.accuracy.serve import served
from bench.ticks import START
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fields import GENERATIONS, fields_of
from gpuwatch.sim.plan import JobPlan
from gpuwatch.sim.scenario import Scenario
from gpuwatch.testing import RealPrometheus, prometheus_available

JOB = JobPlan("4211", tuple(range(8)), capped=False, checkpoint_period_seconds=0)
HOT = Fault("thermal", "node-03", 5, 300.0, 2000.0, percent=45.0)
SCENARIO = Scenario(
    "thermal-1",
    1,
    nodes=9,
    duration_seconds=1500.0,
    jobs=(JOB,),
    faults=(HOT,),
)


@pytest.mark.parametrize(
    ("expr", "generation", "said"),
    [
        (
            "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS % 128 >= 64",
            "current",
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS % 128 >= 64",
        ),
        (
            "avg_over_time(DCGM_FI_DEV_GPU_UTIL[5m]) < 10",
            "next",
            "(avg_over_time(DCGM_FI_DEV_GPU_UTIL_RATIO[5m]) / 0.01) < 10",
        ),
        (
            "max by (Hostname) (DCGM_FI_DEV_XID_ERRORS offset 5m) == 79",
            "next",
            "max by (hostname) (DCGM_FI_DEV_XID_ERROR offset 5m) == 79",
        ),
        (
            "DCGM_FI_DEV_GPU_UTIL > 50",
            "next",
            "(DCGM_FI_DEV_GPU_UTIL_RATIO / 0.01) > 50",
        ),
        ('up{job="dcgm"} == 0', "next", 'up{job="dcgm"} == 0'),
    ],
)
def test_a_rule_in_another_generations_names(
    expr: str, generation: str, said: str
) -> None:
    assert spoken(expr, generation) == said  # type: ignore[arg-type]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_rules_name_only_what_that_exporter_shows(generation: str) -> None:
    """A rule with a name that nobody exports would be a straw man."""
    shown = {field.name for field in fields_of(generation, "full")}  # type: ignore[arg-type]
    said = " ".join(
        spoken(r.expr, generation)  # type: ignore[arg-type]
        for r in (*COMMUNITY, *EXPERT)
    )
    assert set(re.findall(r"DCGM_\w+", said)) - shown == set()


@pytest.mark.parametrize(
    ("hold", "times", "firings"),
    [
        pytest.param(0, [0, 15, 30], [(0, 30)], id="at once"),
        pytest.param(30, [0, 15, 30, 45], [(30, 45)], id="after its hold"),
        pytest.param(30, [0, 15], [], id="not long enough"),
        pytest.param(30, [0, 15, 45, 60], [], id="a gap begins anew"),
        pytest.param(0, [0, 15, 60], [(0, 15), (60, 60)], id="twice"),
        pytest.param(0, [], [], id="never"),
    ],
)
def test_holds(
    hold: float, times: list[float], firings: list[tuple[float, float]]
) -> None:
    series = {"metric": {}, "values": [(START + at, "1") for at in times]}
    found = fired(HandRule("a", "x", hold), series, end=900.0)
    assert [(f.since, f.until) for f in found] == firings


def test_what_still_stands_at_the_end_has_not_ended() -> None:
    series = {"metric": {}, "values": [(START + at, "1") for at in (60, 75, 90)]}
    (one,) = fired(HandRule("a", "x"), series, end=100.0)
    assert one.until == NEVER


def test_stretches_allow_for_rounding() -> None:
    assert list(stretches([0.0, 15.001, 29.999])) == [(0.0, 29.999)]


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ({"Hostname": "node-03", "gpu": "5", "instance": "x:1"}, ("node-03", 5)),
        ({"hostname": "node-03"}, ("node-03", None)),
        ({"instance": "node-03:9400", "job": "dcgm"}, ("node-03", None)),
        ({"hpc_job": "4211"}, ("", None)),
    ],
)
def test_whom_a_series_blames(
    labels: dict[str, str], place: tuple[str, int | None]
) -> None:
    assert place_of(labels) == place


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    if not prometheus_available():
        pytest.skip("needs prometheus and promtool")
    folder = str(tmp_path_factory.mktemp("history"))
    with served(SCENARIO, folder) as running:
        yield running


def named(rules: tuple[HandRule, ...], server: RealPrometheus) -> dict[str, set[str]]:
    alerts = promql.alerts_of(SCENARIO, server.url, rules)
    found: dict[str, set[str]] = {}
    for alert in alerts:
        found.setdefault(alert.rule, set()).update(
            f"{place.node}/{place.gpu}" for place in alert.places
        )
    return found


def test_the_experts_rules_find_a_hot_gpu_and_nobody_else(
    server: RealPrometheus,
) -> None:
    found = named(EXPERT, server)
    assert found["clock below the job"] == {"node-03/5"}
    assert set().union(*found.values()) == {"node-03/5"}


def test_prometheus_understands_every_rule(server: RealPrometheus) -> None:
    """One that it cannot parse would never fire, and would flatter us."""
    for generation in GENERATIONS:
        scenario = replace(SCENARIO, generation=generation, duration_seconds=60.0)
        promql.alerts_of(scenario, server.url, (*COMMUNITY, *EXPERT))


def test_the_communitys_rules_wait_five_minutes(server: RealPrometheus) -> None:
    alerts = promql.alerts_of(SCENARIO, server.url, COMMUNITY)
    hot = [a for a in alerts if a.nodes == {"node-03"}]
    assert {a.rule for a in hot} >= {"temperature"}
    assert all(a.told_at >= 600 for a in hot)


def test_minder_finds_the_gpu_that_differs() -> None:
    alerts = minder.alerts_of(SCENARIO)
    assert {(p.node, p.gpu) for a in alerts for p in a.places} == {("node-03", 5)}
    assert alerts[0].told_at >= 300 + minder.SAME_SUSPECT_SECONDS


def test_minder_is_silent_where_all_are_alike() -> None:
    assert minder.alerts_of(replace(SCENARIO, faults=())) == []


def test_minder_does_not_see_a_lost_gpu() -> None:
    """Gaps are filled with the last value, as in the paper."""
    lost = Fault("gpu_lost", "node-09", 5, 300.0, 2000.0)
    assert minder.alerts_of(replace(SCENARIO, faults=(lost,))) == []


def test_the_farthest_of_many() -> None:
    rng = np.random.default_rng(1)
    window = 700 + rng.normal(0, 1, (minder.WINDOW, 64))
    assert minder.farthest(window) is None
    window[:, 17] = 400
    assert minder.farthest(window) == 17


def test_the_farthest_of_equals_is_nobody() -> None:
    assert minder.farthest(np.ones((minder.WINDOW, 64))) is None


def test_a_large_job_is_no_burden() -> None:
    window = np.random.default_rng(1).normal(0, 1, (minder.WINDOW, 2048))
    began = time.process_time()
    minder.farthest(window)
    assert time.process_time() - began < 30
