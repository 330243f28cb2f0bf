"""How jobs lie on a cluster: the layouts that the scenarios are played on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpuwatch.sim.plan import JobPlan

Rng = np.random.Generator
Jobs = tuple[JobPlan, ...]
FREE = False


def data_parallel(rng: Rng, nodes: int) -> Jobs:
    """One power-capped job on all nodes but one spare, checkpoint every 10 min."""
    return (JobPlan("4211", tuple(range(nodes - 1)), start_seconds=_begun(rng)),)


def uncapped(rng: Rng, nodes: int) -> Jobs:
    """One job that never meets its power limit: every clock at the maximum."""
    held = tuple(range(nodes - 1))
    return (JobPlan("4212", held, capped=False, start_seconds=_begun(rng)),)


def pipeline(rng: Rng, nodes: int) -> Jobs:
    """Tensor and pipeline parallel: stages by node, with evaluations."""
    held = tuple(range(nodes // 4 * 4))
    capped = bool(rng.random() < 0.3)
    start = _begun(rng)
    plan = JobPlan(
        "4213", held, "tppp", capped, start, evaluation_period_seconds=1500.0
    )
    return (plan,)


def experts(rng: Rng, nodes: int) -> Jobs:
    """A mixture of experts, whose load drifts over minutes."""
    held = tuple(range(nodes - 1))
    capped = bool(rng.random() < 0.5)
    return (JobPlan("4214", held, "moe", capped, _begun(rng)),)


def three_jobs(rng: Rng, nodes: int) -> Jobs:
    """Three jobs of different kinds beside one another, and idle nodes."""
    first, second = nodes * 2 // 5, nodes * 7 // 10
    third = max(second + 1, nodes * 9 // 10)
    return (
        JobPlan("501", tuple(range(first)), start_seconds=_begun(rng)),
        JobPlan("502", tuple(range(first, second)), "tppp", FREE, _begun(rng)),
        JobPlan("503", tuple(range(second, third)), "dp", FREE, _begun(rng)),
    )


def quarter_idle(rng: Rng, nodes: int) -> Jobs:
    """One capped job, and a quarter of the nodes without work."""
    held = tuple(range(nodes * 3 // 4))
    return (JobPlan("4216", held, start_seconds=_begun(rng)),)


def beside_inference(rng: Rng, nodes: int) -> Jobs:
    """A training job, and a third of the nodes serving requests."""
    first = nodes * 2 // 3
    return (
        JobPlan("601", tuple(range(first)), start_seconds=_begun(rng)),
        JobPlan("602", tuple(range(first, nodes)), "inference", FREE, _begun(rng)),
    )


def offloading(rng: Rng, nodes: int) -> Jobs:
    """A job whose ranks starve now and then because its state is in host memory."""
    held = tuple(range(nodes - 1))
    return (JobPlan("4218", held, "offload", FREE, _begun(rng)),)


LAYOUTS: tuple[Callable[[Rng, int], Jobs], ...] = (
    data_parallel,
    uncapped,
    pipeline,
    three_jobs,
    experts,
    quarter_idle,
    beside_inference,
)


def _begun(rng: Rng) -> float:
    """Hours ago, so that the checkpoints of jobs and seeds do not fall together."""
    return -float(rng.uniform(3600, 14_400))
