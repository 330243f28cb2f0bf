"""How long, and how much of the time, something has been so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import History, Window


@dataclass(frozen=True)
class Sustained:
    """One condition over one metric's recent readings, a value a row.

    Args:
        share: of the known readings in which it held, 0-1; NaN without a reading.
        readings: how many readings were known.
        span_seconds: from the first known reading to now; NaN without one.
        first_at: the first reading in which it held (Unix seconds), NaN = in none.
        quiet_seconds: since the last reading in which it held, NaN = in none.
        step_seconds: the usual time between readings; 0 with fewer than two.
    """

    share: Column
    readings: Column
    span_seconds: Column
    first_at: Column
    quiet_seconds: Column
    step_seconds: float

    def covers(self, seconds: float) -> Mask:
        """Readings reach that far back, give or take one step; at least two."""
        long_enough = self.span_seconds >= seconds - self.step_seconds
        return (self.readings >= 2) & long_enough

    def is_fresh(self, readings: int) -> Mask:
        """It held in one of the last few readings."""
        longest = (readings - 0.5) * self.step_seconds
        return self.quiet_seconds <= longest

    def lasted(self, seconds: float, share: float) -> Mask:
        """It held in that share of readings which cover that time."""
        return self.covers(seconds) & (self.share >= share)


def sustained(
    window: Window,
    metric: str,
    seconds: float,
    holds: Callable[[History], NDArray[np.bool_]],
) -> Sustained:
    """Look back over the last `seconds` of a metric.

    `holds` takes the readings, float64[steps, rows]; it must be false for NaN.
    """
    values = window.history(metric, seconds)
    times = window.history_at(metric, seconds)
    known, hits = ~np.isnan(values), holds(values)
    readings = known.sum(axis=0).astype(np.float64)
    share = hits.sum(axis=0) / np.maximum(readings, 1.0)
    first_known = _first(known, times)
    return Sustained(
        share=np.where(readings > 0, share, np.nan),
        readings=readings,
        span_seconds=window.now.at - first_known,
        first_at=_first(hits, times),
        quiet_seconds=window.now.at - _first(hits[::-1], times[::-1]),
        step_seconds=float(np.median(np.diff(times))) if len(times) > 1 else 0.0,
    )


def _first(hits: NDArray[np.bool_], times: Column) -> Column:
    return np.where(hits.any(axis=0), times[hits.argmax(axis=0)], np.nan)
