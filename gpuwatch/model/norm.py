"""What most GPUs of one model do: the site's own norm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column

FEWEST_FOR_A_NORM = 6


def norms(values: Column, groups: NDArray[np.int64], share: float) -> Column:
    """Per row the value that at least `share` (0-1) of its group has, else NaN.

    Fewer than six known values make no norm: a majority of two says nothing.
    """
    found = np.full(len(values), np.nan)
    for group in np.unique(groups):
        members = groups == group
        known = values[members & ~np.isnan(values)]
        if len(known) < FEWEST_FOR_A_NORM:
            continue
        seen, counts = np.unique(known, return_counts=True)
        if counts.max() >= share * len(known):
            found[members] = seen[counts.argmax()]
    return found
