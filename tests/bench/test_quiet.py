import argparse

import pytest

from bench.accuracy.main import chosen
from bench.accuracy.matching import kind_of
from bench.accuracy.quiet import USUAL_NODES, gpu_days, planned
from gpuwatch.sim.traps import TRAPS


@pytest.mark.parametrize(("days", "nodes"), [(1.0, 12), (300.0, 12), (2000.0, 128)])
def test_every_trap_is_in_and_the_days_are_reached(days: float, nodes: int) -> None:
    scenarios = planned(days, nodes)
    kinds = {kind_of(scenario) for scenario in scenarios}
    assert len(kinds) == len(TRAPS)
    assert sum(map(gpu_days, scenarios)) >= days
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)


def test_no_more_seeds_than_needed() -> None:
    assert len(planned(1.0, 12)) == len(TRAPS)
    assert len(planned(300.0, 12)) == 2 * len(TRAPS)


def test_2000_gpu_days_are_one_seed() -> None:
    assert len(planned(2000.0, USUAL_NODES)) == len(TRAPS)


def test_no_trap_is_most_of_it() -> None:
    days = sorted(map(gpu_days, planned(2000.0, USUAL_NODES)))
    assert days[-1] < sum(days) / 2
    assert days[0] > 60


def test_no_fault_is_hidden_in_it() -> None:
    assert all(scenario.truths == () for scenario in planned(1.0, 12))


def options(**given: object) -> argparse.Namespace:
    usual = {"seeds": 1, "first_seed": 1, "nodes": 12, "quick": False, "kind": None}
    return argparse.Namespace(**{**usual, **given})


def test_faults_and_traps_of_every_seed() -> None:
    one, two = chosen(options()), chosen(options(seeds=2))
    assert len(two) == 2 * len(one)
    assert {s.truths == () for s in one} == {True, False}


def test_only_the_kinds_that_were_asked_for() -> None:
    kinds = {kind_of(s) for s in chosen(options(kind=["thermal", "calm_gaps"]))}
    assert kinds == {"thermal_severe", "thermal_mild", "thermal_cycling", "calm_gaps"}


def test_quick_is_quick() -> None:
    assert max(s.duration_seconds for s in chosen(options(quick=True))) < 4000
