"""Whether a GPU has drawn about the same power long enough for its heat to settle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column
from gpuwatch.model.window import Window

POWER = "power_watts"
STEADY_SECONDS = 300.0
BLOCK_SECONDS = 60.0
BLOCKS = 5
MEAN_BLOCKS = 3
LARGEST_CHANGE = 0.15
FEWEST_KNOWN_BLOCKS = 3
STEADY_SHARE = 0.8


def steady_watts(window: Window) -> Column:
    """The mean power of the last 3 minutes, NaN where it was not steady for 5.

    Steady: of the mean powers of the last 5 minutes, the newest, the oldest and 80 % of
    all are within 15 % of their median. One between may differ: a checkpoint of 30 s
    leaves a GPU a little cooler, never hotter. A job's first 5 minutes, and a GPU that
    has just gone idle and still reads hot, are not steady. Whole minutes, as single
    samples of power differ by a training step's phase (straggler.md 1.5 and 3.1).
    """
    sums, counts = _by_minute(window)
    with np.errstate(invalid="ignore", divide="ignore"):
        minutes = sums / np.where(counts > 0, counts, np.nan)
        recent = counts[:MEAN_BLOCKS].sum(axis=0)
        mean = sums[:MEAN_BLOCKS].sum(axis=0) / np.where(recent > 0, recent, np.nan)
    known = (counts > 0).sum(axis=0)
    middle = _middle(minutes, known)
    near = np.abs(minutes - middle) <= LARGEST_CHANGE * middle
    enough = known >= FEWEST_KNOWN_BLOCKS
    steady = near[0] & near[-1] & enough & (near.sum(axis=0) >= STEADY_SHARE * known)
    return np.where(steady & ~np.isnan(window.get(POWER)), mean, np.nan)


def _by_minute(window: Window) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sums and counts of known readings by minute, newest first, [BLOCKS, rows]."""
    values = window.history(POWER, STEADY_SECONDS)
    age = window.now.at - window.history_at(POWER, STEADY_SECONDS)
    block = np.minimum(age // BLOCK_SECONDS, BLOCKS - 1).astype(np.int64)
    sums = np.zeros((BLOCKS, values.shape[1]))
    counts = np.zeros((BLOCKS, values.shape[1]), np.int64)
    for number in range(BLOCKS):
        mine = values[block == number]
        known = ~np.isnan(mine)
        sums[number] = np.where(known, mine, 0.0).sum(axis=0)
        counts[number] = known.sum(axis=0)
    return sums, counts


def _middle(minutes: NDArray[np.float64], known: NDArray[np.int64]) -> Column:
    """The median of the known ones; NaN sorts last."""
    ordered = np.sort(minutes, axis=0)
    place = np.maximum(known - 1, 0) // 2
    middle: Column = np.take_along_axis(ordered, place[None, :], axis=0)[0]
    return middle
