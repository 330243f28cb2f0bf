"""Whole stories: a synchronous job, one thing that goes wrong, the incidents told."""

from functools import cache

import numpy as np
import pytest

from gpuwatch.model.severity import Severity
from tests.engine.crew import (
    START,
    Fault,
    Job,
    Life,
    Rank,
    all_slower,
    brief,
    clock_locked,
    hung,
    slow_inside,
    starved,
    with_bits,
)

NODE, GPU = "node-02", 5
ROW = 21
ONSET = 1080.0
JOBS = {
    "capped": Job(),
    "no job label": Job(name=""),
    "stock exporter": Job(stock=True),
    "nothing at all": Job(stock=True, name="", capped=False),
    "two stages": Job(stages=(1.0, 0.85)),
}
EVERY = pytest.mark.parametrize("kind", JOBS)
TWO = pytest.mark.parametrize("kind", ["capped", "nothing at all"])


@cache
def healthy(kind: str) -> Life:
    """The first 18 minutes, with a checkpoint at 9 and 10: told nothing."""
    life = Life(JOBS[kind]).until(ONSET)
    assert life.incidents == []
    return life


def culprits(kind: str, fault: Fault) -> list[tuple[str, str, int | None]]:
    """What was told in five minutes, but for the job itself."""
    found = healthy(kind).struck(fault, 300.0).told
    return [brief(i) for i in found if i.lead != "job_slow"]


@EVERY
def test_a_locked_clock(kind: str) -> None:
    assert culprits(kind, clock_locked(ROW, 0.88)) == [("straggler", NODE, GPU)]


@TWO
@pytest.mark.parametrize("share", [0.7, 0.3])
def test_a_clock_locked_low(kind: str, share: float) -> None:
    assert culprits(kind, clock_locked(ROW, share)) == [("straggler", NODE, GPU)]


@EVERY
def test_slow_memory_at_full_clock(kind: str) -> None:
    assert culprits(kind, slow_inside(ROW, 0.8)) == [("busy_straggler", NODE, GPU)]


@EVERY
def test_a_starved_gpu(kind: str) -> None:
    assert culprits(kind, starved([ROW], 0.8)) == [("slow_host", NODE, GPU)]


@TWO
def test_a_slow_host(kind: str) -> None:
    assert culprits(kind, starved(range(16, 24), 0.8)) == [("slow_host", NODE, None)]


@TWO
@pytest.mark.parametrize("bits", [0x20, 0x48])
def test_heat_with_and_without_its_bit(kind: str, bits: int) -> None:
    rule = "straggler" if JOBS[kind].stock else "thermal_slowdown"
    assert culprits(kind, with_bits(ROW, bits, 0.6)) == [(rule, NODE, GPU)]


@TWO
def test_two_culprits_at_once(kind: str) -> None:
    def both(rank: Rank, since: float) -> None:
        clock_locked(ROW, 0.7)(rank, since)
        slow_inside(42, 0.65)(rank, since)

    assert sorted(culprits(kind, both)) == [
        ("busy_straggler", "node-05", 2),
        ("straggler", NODE, GPU),
    ]


@TWO
def test_a_hang_without_a_culprit(kind: str) -> None:
    assert culprits(kind, hung()) == [("job_hung", "", None)]


@TWO
def test_a_hang_with_a_silent_rank(kind: str) -> None:
    assert ("silent_rank", NODE, GPU) in culprits(kind, hung([ROW]))


@TWO
def test_a_slow_network_blames_no_gpu(kind: str) -> None:
    assert culprits(kind, all_slower(0.8)) == []


@pytest.mark.parametrize(
    ("kind", "severity"),
    [("capped", Severity.WARNING), ("no job label", Severity.INFO)],
)
def test_a_slow_network_is_told_of_the_job(kind: str, severity: Severity) -> None:
    (slow,) = healthy(kind).struck(all_slower(0.8), 540.0).incidents
    assert (slow.lead, slow.severity, slow.members) == ("job_slow", severity, ())


@pytest.mark.parametrize(
    ("fault", "most_samples"),
    [
        (clock_locked(ROW, 0.88), 3),
        (clock_locked(ROW, 0.3), 3),
        (with_bits(ROW, 0x48, 0.6), 2),
        (slow_inside(ROW, 0.8), 5),
        (starved([ROW], 0.8), 5),
    ],
)
def test_how_many_samples_it_takes(fault: Fault, most_samples: int) -> None:
    first = healthy("capped").struck(fault, 150.0).told[0]
    later = (first.detected_at - START - ONSET) / JOBS["capped"].step_seconds
    assert later <= most_samples


def test_a_fault_that_begins_in_a_checkpoint_is_found_after_it() -> None:
    life = Life(Job()).until(1170.0).struck(clock_locked(ROW, 0.7), 120.0)
    assert [brief(i) for i in life.told] == [("straggler", NODE, GPU)]


@EVERY
def test_checkpoints_and_evaluations_of_two_minutes_are_silent(kind: str) -> None:
    job = JOBS[kind]
    evaluating = Job(
        name=job.name, stock=job.stock, capped=job.capped, stages=job.stages,
        checkpoint_every=480.0, checkpoint_seconds=120.0,
    )  # fmt: skip
    assert Life(evaluating).until(1500.0).incidents == []


def test_silicon_that_is_slow_under_a_cap_is_no_fault() -> None:
    job = Job(seed=5)
    job.lottery[ROW] = 0.92
    assert Life(job).until(ONSET).incidents == []


def test_a_fault_from_the_first_look_on_is_not_learned() -> None:
    job = Job(faults=[(0.0, clock_locked(ROW, 0.8))])
    assert [brief(i) for i in Life(job).until(900.0).told] == [("straggler", NODE, GPU)]


def test_a_restart_forgets_no_stride() -> None:
    """The engine's own columns go through the store and back."""
    life = healthy("capped")
    kept = life.remembered
    assert {name for _, name in kept if name.startswith("stride_")} >= {
        "stride_work",
        "stride_watts",
        "stride_worked",
    }
    assert np.nanmedian(kept["engine", "stride_worked"]) >= 600.0
