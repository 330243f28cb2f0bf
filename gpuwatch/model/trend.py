"""Whether something rises steadily, and how fast: no single jump, no noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column, Mask

History = NDArray[np.float64]
POINTS = 12
FEWEST_POINTS = 9
QUARTERS = 4
# The first and the last quarter's middles are so much of the span apart.
QUARTERS_APART = 0.75
TOLERANCE = 0.9
QUARTER_SHARE = 0.12
LARGEST_JUMP_SHARE = 0.5
SOLID_Z = 3.0
CHUNK = 4096


@dataclass(frozen=True)
class Trend:
    """Columns; NaN where no steady rise was found.

    Args:
        per_step: Theil-Sen slope a point of the history.
        rise: the slope over the whole span.
        start: the median of the history less half the rise.
    """

    per_step: Column
    rise: Column
    start: Column

    @property
    def solid(self) -> Mask:
        """Columns with a steady rise."""
        return ~np.isnan(self.per_step)


def thinned(history: History, points: int = POINTS) -> History:
    """The newest rows averaged into `points`; absent ones are left out of a mean."""
    width = len(history) // points
    blocks = history[len(history) - width * points :].reshape(points, width, -1)
    known = ~np.isnan(blocks)
    counts = known.sum(axis=1)
    sums = np.where(known, blocks, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def may_rise(history: History, least: float) -> NDArray[np.int64]:
    """Columns whose newest quarter reaches far enough above their lowest point.

    A cheap first look, so that a quiet fleet costs nothing; `rising` decides.
    """
    lately = history[len(history) * (QUARTERS - 1) // QUARTERS :]
    range_ = np.fmax.reduce(lately, axis=0) - np.fmin.reduce(history, axis=0)
    return np.flatnonzero(range_ >= least * QUARTERS_APART * TOLERANCE)


def rising(history: History, least: float) -> Trend:
    """Columns of float64[points, n] that rise by `least` or more, steadily.

    Steadily: three quarters of the points are known; each quarter's mean is above the
    one before by at least 12 % of the whole rise, and no point above the one before by
    half of it, so that a step or two (another job, another power) are none; and
    Mann-Kendall z is above 3 (one in 700 by chance).
    """
    columns = history.shape[1]
    trend = Trend(*(np.full(columns, np.nan) for _ in range(3)))
    rows = np.flatnonzero(_rises_in_every_quarter(history, least))
    for begin in range(0, len(rows), CHUNK):
        some = rows[begin : begin + CHUNK]
        values = history[:, some]
        slope, z = _pairwise(values)
        rise = slope * (len(history) - 1)
        solid = (rise >= least) & (z > SOLID_Z)
        found = some[solid]
        trend.per_step[found] = slope[solid]
        trend.rise[found] = rise[solid]
        trend.start[found] = _median(values[:, solid]) - rise[solid] / 2
    return trend


def _rises_in_every_quarter(history: History, least: float) -> Mask:
    quarters = thinned(history, QUARTERS)
    steps = np.diff(quarters, axis=0)
    whole = quarters[-1] - quarters[0]
    enough = whole >= least * QUARTERS_APART * TOLERANCE
    known = (~np.isnan(history)).sum(axis=0) >= FEWEST_POINTS / POINTS * len(history)
    largest = np.fmax.reduce(np.diff(history, axis=0), axis=0)
    spread_out = largest < LARGEST_JUMP_SHARE * whole
    steady = (steps >= QUARTER_SHARE * whole).all(axis=0)
    found: Mask = steady & spread_out & enough & known
    return found


def _pairwise(values: History) -> tuple[Column, Column]:
    """Theil-Sen slope and Mann-Kendall z of each column, over all pairs of points."""
    early, late = np.triu_indices(len(values), k=1)
    apart = values[late] - values[early]
    slope = _median(apart / (late - early)[:, None])
    signs = np.nansum(np.sign(apart), axis=0)
    points = (~np.isnan(values)).sum(axis=0)
    variance = points * (points - 1) * (2 * points + 5) / 18
    return slope, (np.abs(signs) - 1) * np.sign(signs) / np.sqrt(variance)


def _median(values: History) -> Column:
    """Of each column's known values, of which there must be one; NaN sorts last."""
    ordered = np.sort(values, axis=0)
    known = (~np.isnan(values)).sum(axis=0)
    below = np.take_along_axis(ordered, (known - 1)[None, :] // 2, axis=0)[0]
    above = np.take_along_axis(ordered, known[None, :] // 2, axis=0)[0]
    middle: Column = (below + above) / 2
    return middle
