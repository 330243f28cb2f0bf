"""A job's timetable: what stops it, what it goes on without, when it ends."""

import numpy as np
import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.phases import DIP, EVAL, IDLE, SPIN, START, WORK, Rota, timeline
from gpuwatch.sim.plan import Character, JobPlan, draw_character

NAMES = [f"node-{index:02d}" for index in range(1, 7)]
EVERY = tuple(range(6))


def character() -> Character:
    return draw_character(np.random.default_rng(3), JobPlan("j", EVERY), 700.0)


def phases_of(plan: JobPlan, *faults: Fault) -> list[tuple[float, int, int]]:
    """Begin (to the second), phase and number of nodes of each segment."""
    segments = timeline(plan, character(), faults, NAMES)
    return [(round(s.begin), s.phase, len(s.nodes)) for s in segments]


def test_a_job_starts_and_works() -> None:
    start = round(character().start_seconds)
    assert phases_of(JobPlan("j", EVERY, start_seconds=0.0)) == [
        (0, START, 6),
        (start, WORK, 6),
    ]


def test_a_job_ends_when_planned_or_when_told() -> None:
    planned = JobPlan("j", EVERY, start_seconds=-5000.0, end_seconds=900.0)
    assert phases_of(planned)[-1] == (900, IDLE, 0)
    earlier = Fault("job_end", start_seconds=500.0)
    assert phases_of(planned, earlier)[-1] == (500, IDLE, 0)


def test_a_restart_is_a_stop_without_a_hang() -> None:
    plan = JobPlan("j", EVERY, start_seconds=-5000.0, restarts=((600.0, 100.0),))
    assert phases_of(plan)[2:4] == [(600, IDLE, 0), (700, START, 6)]


@pytest.mark.parametrize(
    ("fault", "in_the_hang"),
    [
        (Fault("gpu_lost", "node-02", 3, 600.0), 6),
        (Fault("xid", "node-02", 3, 600.0, code=79), 6),
        (Fault("ecc", "node-02", 3, 600.0), 6),
        (Fault("node_down", "node-02", None, 600.0), 5),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_a_dead_member_hangs_the_job_which_goes_on_without_its_node(
    fault: Fault, in_the_hang: int
) -> None:
    found = phases_of(JobPlan("j", EVERY, start_seconds=-5000.0), fault)
    again = 600 + character().timeout_seconds
    assert found[2:] == [
        (600, SPIN, in_the_hang),
        (round(again), IDLE, 0),
        (round(again + 40), START, 5),
        (round(again + 40 + character().start_seconds), WORK, 5),
    ]


def test_a_second_loss_in_the_hang_is_missing_from_the_restart() -> None:
    lost = [Fault("node_down", name, None, 600.0) for name in NAMES[:3]]
    found = phases_of(JobPlan("j", EVERY, start_seconds=-5000.0), *lost)
    assert [nodes for _, _, nodes in found[2:]] == [3, 0, 3, 3]


def test_a_crash_restarts_on_the_same_nodes() -> None:
    crash = Fault("xid", "node-02", 3, 600.0, code=94)
    found = phases_of(JobPlan("j", EVERY, start_seconds=-5000.0), crash)
    assert found[2:5] == [(600, SPIN, 6), (630, IDLE, 0), (670, START, 6)]


def test_a_hang_without_end_has_no_restart() -> None:
    hang = Fault("hang", start_seconds=600.0)
    assert phases_of(JobPlan("j", EVERY, start_seconds=-5000.0), hang)[2:] == [
        (600, SPIN, 6)
    ]


@pytest.mark.parametrize("kind", ["thermal", "clock_locked", "sbe"])
def test_a_slow_member_stops_nothing(kind: str) -> None:
    plan = JobPlan("j", EVERY, start_seconds=-5000.0)
    assert phases_of(plan, Fault(kind, "node-02", 3, 600.0)) == phases_of(plan)


def test_checkpoints_and_evaluations_come_round_and_nodes_return_late() -> None:
    plan = JobPlan(
        "j",
        EVERY,
        start_seconds=0.0,
        checkpoint_period_seconds=300.0,
        checkpoint_seconds=20.0,
        evaluation_period_seconds=1000.0,
        evaluation_seconds=100.0,
    )
    segments = timeline(plan, character(), (), NAMES)
    skew = np.array([0.0, 1, 2, 3, 4, 5])
    rota = Rota(plan, character(), segments, skew)
    began = segments[-1].begin
    times = [began + after for after in (100, 300.5, 321.5, 330, 1050, 1200.5)]
    assert rota.phases(times).tolist() == [
        [WORK] * 6,
        [DIP] * 6,
        [WORK, WORK, *[DIP] * 4],
        [WORK] * 6,
        [EVAL] * 6,
        [DIP] * 6,
    ]
