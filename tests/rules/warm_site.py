"""A fleet under load whose heat follows slot, power and node, and faults on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Column
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from tests.rules.builders import AT, fleet_of, judge, window_of

Values = NDArray[np.float64]
SLOT_SPREAD_CELSIUS = 14.0
CELSIUS_PER_WATT = 0.05
STEPS = 21  # of 15 s: 5 minutes


@dataclass
class WarmSite:
    """T = 20 + slot + 0.05 P + node + fault, read in whole degrees.

    `watts` is one value, one a GPU, or float64[STEPS, rows]; `fault` and `node_fault`
    are degrees by GPU row and by node.
    """

    nodes: int = 16
    gpus: int = 8
    watts: float | Values = 650.0
    fault: Mapping[int, float] = field(default_factory=dict)
    node_fault: Mapping[int, float] = field(default_factory=dict)
    noise: float = 1.0
    fleet: Fleet = field(init=False)

    def __post_init__(self) -> None:
        self.fleet = fleet_of(self.nodes, self.gpus)
        self.rng = np.random.default_rng(7)

    @property
    def rows(self) -> int:
        return self.nodes * self.gpus

    def celsius(self) -> Values:
        watts = np.broadcast_to(self.watts, (STEPS, self.rows))
        slots = np.tile(np.linspace(0, SLOT_SPREAD_CELSIUS, self.gpus), self.nodes)
        heat = 20 + slots + CELSIUS_PER_WATT * watts[-1]
        heat = heat + self.rng.normal(0, self.noise, self.rows)
        for row, more in self.fault.items():
            heat[row] += more
        for node, more in self.node_fault.items():
            heat[node * self.gpus : (node + 1) * self.gpus] += more
        read: Values = np.round(heat)
        return read

    def window(self, at: float = AT, **other: str | float | Values) -> Window:
        watts = np.broadcast_to(self.watts, (STEPS, self.rows))
        scatter = 1 + self.rng.normal(0, 0.01, (STEPS, self.rows))
        reads: dict[str, str | float | Values] = {
            "gpu_temperature_celsius": self.celsius(),
            "power_watts": watts * scatter,
            "utilization_percent": 100.0,
        }
        return window_of(self.fleet, {**reads, **other}, at=at)


@dataclass
class Memory:
    """A rule that remembers, judged at chosen times."""

    rule: Rule
    kept: dict[str, Column] = field(default_factory=dict)

    def judge(self, window: Window) -> Verdicts:
        told = judge(self.rule, replace(window, kept=self.kept))
        self.kept = {**self.kept, **told.keep}
        return told


def firing(verdicts: Verdicts) -> list[int]:
    """Rows that fire."""
    return [int(row) for row in np.flatnonzero(verdicts.firing)]
