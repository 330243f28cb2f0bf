"""A labelled stretch of a fleet's life: what is simulated, and what is true of it.

`Scenario.ticks()` gives columns over the whole fleet, one tick every collect interval;
the physics is told in docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fields import Generation
from gpuwatch.sim.hardware import Identity, identities
from gpuwatch.sim.plan import JobPlan
from gpuwatch.sim.play import Play
from gpuwatch.sim.tick import Shown, Tick, Truth

Csv = Literal["full", "stock"]
__all__ = ["Scenario", "Shown", "Tick", "Truth"]
MODEL = "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True)
class Scenario:
    """One labelled scenario; equal seeds give equal ticks.

    Args:
        generation: whose names `openmetrics` writes; ticks have the current ones.
        csv: `stock` has no throttle reasons, violation counters or SM_ACTIVE.
        jobs: whole nodes each; nodes in none are idle. A fault of "*" is the first's.
        labels: whether the page carries `hpc_job`.
        gap_share: of scrapes that fail, node by node.
        prometheus_restarts: when it is away for 60 s.
        sticky_xids: (GPU row, code) that nobody has cleared for weeks.
    """

    name: str
    seed: int
    nodes: int = 48
    gpus_per_node: int = 8
    duration_seconds: float = 3600.0
    collect_seconds: float = 15.0
    generation: Generation = "current"
    csv: Csv = "full"
    jobs: tuple[JobPlan, ...] = ()
    faults: tuple[Fault, ...] = ()
    truths: tuple[Truth, ...] = ()
    labels: bool = True
    model: str = MODEL
    gap_share: float = 0.0
    prometheus_restarts: tuple[float, ...] = ()
    sticky_xids: tuple[tuple[int, int], ...] = ()

    @cached_property
    def gpus(self) -> list[Identity]:
        """Every GPU, node by node; its place is its row."""
        return identities(self.seed, self.nodes, self.gpus_per_node)

    @cached_property
    def node_names(self) -> list[str]:
        """Every node; its place is its row."""
        return [gpu.node for gpu in self.gpus[:: self.gpus_per_node]]

    @property
    def steps(self) -> int:
        """How many ticks there are, the one at second 0 included."""
        return int(self.duration_seconds / self.collect_seconds + 1e-9) + 1

    def ticks(self) -> Iterator[Tick]:
        """Play it, one tick every collect interval from second 0 on."""
        play = Play(self)
        for step in range(self.steps):
            yield play.tick(step * self.collect_seconds)

    def rng(self, *path: int) -> np.random.Generator:
        """A generator of its own for each purpose, so that they do not disturb."""
        return np.random.default_rng([self.seed, *path])
