"""From exported numbers to ours: blanks, units, impossible values."""

from __future__ import annotations

import numpy as np

from gpuwatch.model.metric import Metric, is_sentinel
from gpuwatch.sources.blocks import Flags, Matrix

# The smallest blank of dcgm.md 1.3 (int32); below it no value needs a second look.
_SMALLEST_BLANK = 2147483632.0


def blanks(raw: Matrix, metric: Metric) -> Flags:
    """Where DCGM says "no value" with a number, bool like `raw`."""
    suspects = np.unique(raw[raw >= _SMALLEST_BLANK])
    found = [value for value in suspects.tolist() if is_sentinel(value, metric)]
    return np.isin(raw, found) if found else np.zeros(raw.shape, bool)


def impossible(values: Matrix, metric: Metric) -> Flags:
    """Where a value lies outside what the metric can be, in our unit."""
    return (values < metric.low) | (values > metric.high)


def scaled(raw: Matrix, scale: float) -> Matrix:
    """In our unit; a power of ten below one divides, so 1980e6 Hz is exactly 1980."""
    return raw / round(1 / scale) if scale < 1.0 else raw * scale
