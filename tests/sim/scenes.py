"""Small scenarios, and the columns that they give over time."""

import numpy as np
from numpy.typing import NDArray

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.plan import JobKind, JobPlan
from gpuwatch.sim.scenario import Scenario, Tick

CLOCK, POWER = "DEV_SM_CLOCK", "DEV_POWER_USAGE"
UTIL, CELSIUS, REASONS = "DEV_GPU_UTIL", "DEV_GPU_TEMP", "DEV_CLOCKS_EVENT_REASONS"
TENSOR, DRAM, SM = "PROF_PIPE_TENSOR_ACTIVE", "PROF_DRAM_ACTIVE", "PROF_SM_ACTIVE"
ONSET, END = 300.0, 900.0
CULPRIT, CULPRIT_NODE = 17, "node-03"
Mask = NDArray[np.bool_]
Table = NDArray[np.float64]


def scene(
    *faults: Fault,
    kind: JobKind = "dp",
    capped: bool = False,
    seed: int = 4,
    nodes: int = 6,
    pause: float = 0.0,
    **rest: object,
) -> Scenario:
    """One job on all nodes for 15 min; without checkpoints unless told."""
    job = JobPlan(
        *("4211", tuple(range(nodes)), kind, capped),
        checkpoint_period_seconds=pause,
    )
    plain: dict[str, object] = {"duration_seconds": 900.0, "jobs": (job,)}
    return Scenario("scene", seed, nodes, faults=faults, **(plain | rest))  # type: ignore[arg-type]


def culprit(kind: str, **rest: float) -> Fault:
    """That fault on GPU 1 of node-03 from second 300 on."""
    return Fault(kind, CULPRIT_NODE, 1, ONSET, **rest)  # type: ignore[arg-type]


def ticks(scenario: Scenario) -> list[Tick]:
    return list(scenario.ticks())


def table(played: list[Tick], name: str) -> Table:
    """One metric over time, float64[ticks, gpus]."""
    return np.array([tick.values[f"DCGM_FI_{name}"] for tick in played])


def means(scenario: Scenario, name: str) -> tuple[Table, Table]:
    """Each GPU's median before the fault, and once it has settled."""
    played = ticks(scenario)
    at = np.array([tick.at_seconds for tick in played])
    values = table(played, name)
    before = np.median(values[at < ONSET], axis=0)
    return before, np.median(values[at >= ONSET + 300], axis=0)


def others(gpus: int = 48) -> Mask:
    """Everyone but the culprit's whole node."""
    mask = np.ones(gpus, dtype=bool)
    mask[16:24] = False
    return mask
