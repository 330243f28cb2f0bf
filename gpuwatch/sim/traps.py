"""Benign scenarios: every trap that must stay silent, and none with a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gpuwatch.sim.catalogue import laid_out, setting
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.layouts import (
    beside_inference,
    data_parallel,
    experts,
    offloading,
    pipeline,
    quarter_idle,
    three_jobs,
    uncapped,
)
from gpuwatch.sim.plan import JobPlan
from gpuwatch.sim.scenario import Scenario

DAY_SECONDS = 86_400.0
FATAL_BUT_OLD = (48, 74, 79, 94)

Trap = Callable[[Scenario], Scenario]


def benign_scenarios(seed: int, nodes: int = 48) -> list[Scenario]:
    """One scenario of every trap; no truths."""
    return [
        trap(setting(seed, turn, f"calm_{trap.__name__.strip('_')}", nodes))
        for turn, trap in enumerate(TRAPS)
    ]


def _capped(base: Scenario) -> Scenario:
    """The silicon lottery under a cap, hot slots, checkpoints."""
    return laid_out(base, data_parallel)


def _uncapped(base: Scenario) -> Scenario:
    return laid_out(base, uncapped)


def _stages(base: Scenario) -> Scenario:
    """Pipeline stages, the rank-0 role, evaluations."""
    return laid_out(base, pipeline)


def _experts(base: Scenario) -> Scenario:
    return laid_out(base, experts)


def _three_jobs(base: Scenario) -> Scenario:
    return laid_out(base, three_jobs)


def _idle_quarter(base: Scenario) -> Scenario:
    return laid_out(base, quarter_idle)


def _inference(base: Scenario) -> Scenario:
    """Widely varying duty cycles beside a training job."""
    return laid_out(base, beside_inference)


def _offloading(base: Scenario) -> Scenario:
    return laid_out(base, offloading)


def _starts_and_stops(base: Scenario) -> Scenario:
    """Jobs that start, end, and stop and start again."""
    half = base.nodes // 2
    jobs = (
        JobPlan("701", tuple(range(half)), restarts=((900.0, 120.0),)),
        JobPlan("702", tuple(range(half, base.nodes - 2)), start_seconds=400.0),
        JobPlan("703", (base.nodes - 1,), start_seconds=-5000.0, end_seconds=1500.0),
    )
    return replace(base, jobs=jobs)


def _frequent_pauses(base: Scenario) -> Scenario:
    """Checkpoints every 3 min of 45 s, evaluations every 10 min, late re-entries."""
    (job,) = laid_out(base, data_parallel).jobs
    busy = replace(
        job,
        checkpoint_period_seconds=180.0,
        checkpoint_seconds=45.0,
        evaluation_period_seconds=600.0,
    )
    return replace(base, jobs=(busy,))


def _gaps(base: Scenario) -> Scenario:
    """Three scrapes in a hundred fail, node by node."""
    return replace(laid_out(base, data_parallel), gap_share=0.03)


def _prometheus_restart(base: Scenario) -> Scenario:
    return replace(laid_out(base, pipeline), prometheus_restarts=(1200.0, 2300.0))


def _counter_reset(base: Scenario) -> Scenario:
    """Counters of two nodes start again, without a new boot."""
    faults = tuple(
        Fault("counter_reset", base.node_names[node], None, at)
        for node, at in ((2, 1000.0), (5, 1800.0))
    )
    return replace(laid_out(base, data_parallel), faults=faults)


def _drain_and_return(base: Scenario) -> Scenario:
    """A node leaves the job for repair; later another job runs on it."""
    job = JobPlan("801", tuple(range(base.nodes - 2)))
    later = JobPlan("802", (3,), start_seconds=2000.0)
    gone = Fault("drain", base.node_names[3], None, 900.0)
    return replace(base, jobs=(job, later), faults=(gone,))


def _clocks_set(base: Scenario) -> Scenario:
    """An administrator lowers the application clocks of the whole job."""
    change = Fault("clocks_set", "*", None, 1200.0, percent=10.0)
    return replace(laid_out(base, data_parallel), faults=(change,))


def _old_fatal_xids(base: Scenario) -> Scenario:
    """Fatal codes that are weeks old; their GPUs are well."""
    rows = base.rng(10).choice(base.nodes * base.gpus_per_node, len(FATAL_BUT_OLD))
    sticky = tuple(zip((int(r) for r in rows), FATAL_BUT_OLD, strict=True))
    return replace(laid_out(base, uncapped), sticky_xids=sticky)


def _application_xids(base: Scenario) -> Scenario:
    """A program's own mistakes on single GPUs, once each."""
    faults = tuple(
        Fault("xid", base.node_names[node], node % 8, at, code=code)
        for node, at, code in ((1, 1000.0, 13), (4, 1500.0, 31), (6, 2000.0, 43))
    )
    return replace(laid_out(base, data_parallel), faults=faults)


def _day(base: Scenario) -> Scenario:
    """A whole day: the diurnal swing of clocks and temperatures."""
    base = replace(base, duration_seconds=DAY_SECONDS, collect_seconds=30.0)
    return laid_out(base, three_jobs)


TRAPS: tuple[Trap, ...] = (
    _capped,
    _uncapped,
    _stages,
    _experts,
    _three_jobs,
    _idle_quarter,
    _inference,
    _offloading,
    _starts_and_stops,
    _frequent_pauses,
    _gaps,
    _prometheus_restart,
    _counter_reset,
    _drain_and_return,
    _clocks_set,
    _old_fatal_xids,
    _application_xids,
    _day,
)
