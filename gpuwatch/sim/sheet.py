"""The working sheet of one tick: values by phase and GPU, and what comes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.sim.hardware import Bools, Floats, Ints

Table = Floats


@dataclass
class Doing:
    """One value a GPU: means of the interval, and what a sample of now shows."""

    now: Ints
    working: Floats
    watts: Floats
    gauge_watts: Floats
    clock_mhz: Floats
    bits: Ints
    meters: dict[str, Floats]
    rate: Floats
    in_job: Bools


@dataclass
class Sheet:
    """Values by phase and GPU, float64[phases, gpus], filled job by job."""

    tables: dict[str, Table]
    share_of_time: Table
    now: Ints
    at_cap: Floats
    gauge_sigma: Floats
    glimpse: Floats
    moment: dict[str, Floats]

    def put(
        self, name: str, phase: int, rows: Ints, held: Bools, value: Floats | float
    ) -> None:
        """Enter one phase's values of a job on those of its rows that it holds."""
        chosen = value if isinstance(value, float | int) else value[held]
        self.tables[name][phase, rows] = chosen

    def mean(self, name: str) -> Floats:
        """The interval's mean."""
        means: Floats = (self.tables[name] * self.share_of_time).sum(axis=0)
        return means

    def at_now(self, name: str) -> Floats:
        """The value of this moment's phase."""
        table = self.tables[name]
        values: Floats = table[self.now, np.arange(table.shape[1])]
        return values
