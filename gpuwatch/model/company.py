"""Who runs with whom: the groups of GPUs that do one synchronous job together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column, Mask

ALONE = -1
INFERRED_PREFIX = "(inferred) "


@dataclass(frozen=True)
class Company:
    """GPU rows by group; those of one group do the same work at the same pace.

    Args:
        group_of: int64[rows], ALONE = nobody's peer.
        names: the job of each group; an inferred one has its first node's, prefixed.
        source: what told (`labels`, `slurm`, `expr`, `file`, `co-movement`), "" =
            nobody could.
    """

    group_of: NDArray[np.int64]
    names: tuple[str, ...] = ()
    source: str = ""

    def medians(self, values: Column, fewest: int = 1) -> Column:
        """Per group the median of its known values; NaN with fewer than `fewest`."""
        known = ~np.isnan(values) & (self.group_of >= 0)
        order = np.lexsort((values[known], self.group_of[known]))
        group, value = self.group_of[known][order], values[known][order]
        found = np.full(len(self.names), np.nan)
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        counts = np.diff(starts, append=len(group))
        middles = (value[starts + (counts - 1) // 2] + value[starts + counts // 2]) / 2
        found[group[starts]] = np.where(counts >= fewest, middles, np.nan)
        return found

    def counts(self, mask: Mask) -> NDArray[np.int64]:
        """Per group how many of its rows are in the mask."""
        inside = self.group_of[mask & (self.group_of >= 0)]
        return np.bincount(inside, minlength=len(self.names))

    def spread(self, values: Column) -> Column:
        """Per row the value of its group; NaN for those who are alone."""
        padded = np.append(values, np.nan)
        return padded[self.group_of]

    def rows_in(self, groups: Mask) -> Mask:
        """bool[groups] spread over rows; those who are alone are in none."""
        padded = np.append(groups, False)
        inside: Mask = padded[self.group_of]
        return inside

    def crowds(self, mask: Mask, fewest: int, share: float) -> Mask:
        """Rows of groups with more in the mask than `fewest` and than that share."""
        return self.rows_in(self.counts(mask) > np.maximum(fewest, share * self.sizes))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many rows each group has."""
        return np.bincount(self.group_of[self.group_of >= 0], minlength=len(self.names))

    @property
    def inferred(self) -> Mask:
        """Groups that nobody named: they were guessed."""
        return np.array([name.startswith(INFERRED_PREFIX) for name in self.names], bool)
