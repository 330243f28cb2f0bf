"""A chart as values: what one incident's GPUs did, beside their peers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.metric import catalogue
from gpuwatch.model.snapshot import Column

Lines = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a panel shows. `least_span`: a flat line is not blown up beyond it."""

    metric: str
    title: str
    unit: str
    least_span: float

    @property
    def nobody(self) -> str:
        """What to say where no series of it came."""
        name = catalogue()[self.metric].names[0].name
        return f"not exported: no {name} in these metrics"


QUANTITIES = (
    Quantity("sm_clock_megahertz", "SM clock", "MHz", 150.0),
    Quantity("gpu_temperature_celsius", "Temperature", "°C", 10.0),
    Quantity("power_watts", "Power", "W", 60.0),
)


@dataclass(frozen=True)
class Panel:
    """One quantity over the chart's times; NaN = not known then.

    Args:
        lines: the incident's own GPUs, float64[gpus, steps].
        low, median, high: 10th, 50th and 90th percentile of the peers, float64[steps].
        missing: why nothing of it can be shown, "" = it can.
    """

    quantity: Quantity
    lines: Lines
    low: Column
    median: Column
    high: Column
    missing: str = ""

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return bool(np.isfinite(self.lines).any() or np.isfinite(self.median).any())

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest of all that is drawn."""
        drawn = np.concatenate([self.lines.ravel(), self.low, self.high])
        return float(np.nanmin(drawn)), float(np.nanmax(drawn))


@dataclass(frozen=True)
class Chart:
    """All panels of one incident; times are Unix seconds.

    Args:
        at: float64[steps], `step_seconds` apart.
        gpus: names of the lines; `left_out`: GPUs of the incident without a line.
        peers: whom the band stands for, in words; "" = there was nobody.
    """

    incident_id: str
    at: Column
    step_seconds: float
    panels: tuple[Panel, ...]
    gpus: tuple[str, ...]
    left_out: int
    peers: str
    started_at: float
    detected_at: float
    resolved_at: float | None = None
