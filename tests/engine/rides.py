"""A job's stride, reading by reading: each a mark of what may be scored."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpuwatch.engine.past import Past
from gpuwatch.engine.stride import Strides
from gpuwatch.model.company import ALONE, Company
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.model.stride import Stride
from tests.rules.builders import AT, Written, column, fleet_of, window_of

STEP_SECONDS = 15.0
# What follows a dip: 20 s and a collect interval closed, 45 s until means are clean.
AFTER = "xxxoO"
AT_WORK: dict[str, Written] = {
    "utilization_percent": "100",
    "power_watts": "600",
    "tensor_active_ratio": "0.4",
    "sm_clock_megahertz": "2000",
    "throttle_reasons": "0x0",
}
WINDOWS = {name: 60.0 for name in AT_WORK if name != "throttle_reasons"}
SAVING: dict[str, Written] = {
    "utilization_percent": "25",
    "power_watts": "180",
    "tensor_active_ratio": "0",
}
IDLE: dict[str, Written] = {
    "utilization_percent": "0",
    "power_watts": "80",
    "tensor_active_ratio": "0",
}
LOW: dict[str, Written] = {"power_watts": "300", "tensor_active_ratio": "0.2"}


@dataclass
class Ride:
    """Eight GPUs of one job, unless told otherwise."""

    rows: int = 8
    job: str = "4211"
    strides: Strides = field(default_factory=lambda: Strides({}))
    past: Past = field(default_factory=lambda: Past(WINDOWS))
    step: int = 0

    def on(
        self,
        steps: int,
        readings: dict[str, Written] | None = None,
        *,
        groups: str = "0",
        **more: Written,
    ) -> str:
        """A mark a reading, see `gate`; `groups="_"` = everybody is alone."""
        return "".join(
            gate(self.read({**(readings or {}), **more}, groups)) for _ in range(steps)
        )

    def read(self, readings: dict[str, Written], groups: str = "0") -> Stride:
        """One reading of all, of which some are told."""
        snapshot = self._snapshot(readings)
        written = np.nan_to_num(column(groups, self.rows), nan=ALONE).astype(np.int64)
        count = int(written.max(initial=-1)) + 1
        company = Company(written, (self.job,) * count)
        self.past.add(snapshot)
        self.strides = self.strides.after(snapshot, company, self.past, STEP_SECONDS)
        self.step += 1
        assert self.strides.stride is not None
        return self.strides.stride

    def _snapshot(self, readings: dict[str, Written]) -> Snapshot:
        told = {**AT_WORK, **readings}
        age = str(told.pop("sample_age_seconds", "0"))
        return window_of(
            fleet_of(gpus=self.rows),
            told,
            at=AT + STEP_SECONDS * self.step,
            sample_age_seconds=age,
        ).now

    def restarted(self) -> Ride:
        """The same after the columns went through the store."""
        strides = Strides(dict(self.strides.columns()))
        return Ride(self.rows, self.job, strides, Past(WINDOWS), self.step)


def at_its_stride(rows: int = 8, job: str = "4211") -> Ride:
    """At work for ten minutes."""
    ride = Ride(rows, job)
    ride.on(40)
    return ride


def gate(stride: Stride, group: int = 0) -> str:
    """`-` stride not known, `x` closed, `o` open for clocks, `O` for means too.

    A blank = there is no group.
    """
    if len(stride.reached) <= group:
        return " "
    if not stride.reached[group]:
        assert not stride.steady[group]
        return "-"
    if stride.settled[group]:
        assert stride.steady[group]
        return "O"
    return "o" if stride.steady[group] else "x"
