"""What a rule sees: the snapshot, a little recent past, and what it chose to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.company import Company
from gpuwatch.model.snapshot import Column, Mask, Snapshot, absent, fitted
from gpuwatch.model.stride import Crew, Stride

History = NDArray[np.float64]


@dataclass(frozen=True)
class Read:
    """A metric that a rule reads, and how far back.

    `required=False`: the rule judges better with it, and judges without it.
    """

    metric: str
    window_seconds: float = 0.0
    required: bool = True


@dataclass(frozen=True)
class Window:
    """One rule's view of one cycle.

    Args:
        past: float64[steps, rows] per metric, oldest first, the current cycle last;
            steps may be fewer than the window asks for (gpuwatch just started).
        past_at: evaluation times of those steps, float64[steps].
        times: the same per metric, where a longer window is thinned out.
        kept: what the rule returned in `Verdicts.keep` before, float64[rows] (or
            [nodes] for node-scoped rules), NaN where nothing was kept.
        company: who runs with whom; None where nobody worked it out.
        stride: every group of the company against its own recent past.
        booted_at: last seen boot or driver reset per node, float64[nodes], NaN = none.
    """

    now: Snapshot
    past: Mapping[str, History] = field(default_factory=dict)
    past_at: Column = field(default_factory=lambda: np.empty(0))
    kept: Mapping[str, Column] = field(default_factory=dict)
    booted_at: Column | None = None
    times: Mapping[str, Column] = field(default_factory=dict)
    company: Company | None = None
    stride: Stride | None = None

    @property
    def crew(self) -> Crew | None:
        """Company and stride together; None unless both are known."""
        if self.company is None or self.stride is None:
            return None
        return Crew(self.company, self.stride)

    def get(self, metric: str) -> Column:
        """The metric now, float64[rows]."""
        return self.now.column(metric)

    def recall(self, name: str, rows: int | None = None) -> Column:
        """What was kept under that name, grown to the rows of today."""
        size = self.now.rows if rows is None else rows
        found = self.kept.get(name)
        return absent(size) if found is None else fitted(found, size)

    def history(self, metric: str, seconds: float) -> History:
        """The metric's last `seconds`, float64[steps, rows], the present last."""
        found = self.past.get(metric)
        if found is None:
            return self.get(metric)[None, :]
        inside = self._times(metric, len(found)) >= self.now.at - seconds - 0.5
        return found[inside]

    def history_at(self, metric: str, seconds: float) -> Column:
        """When the steps of `history` were read, float64[steps], Unix seconds."""
        if metric not in self.past:
            return np.array([self.now.at])
        times = self._times(metric, len(self.past[metric]))
        return times[times >= self.now.at - seconds - 0.5]

    def _times(self, metric: str, steps: int) -> Column:
        found = self.times.get(metric)
        return self.past_at[-steps:] if found is None else found

    def increase(self, metric: str, seconds: float) -> Column:
        """By how much a counter rose, resets forgiven; NaN with fewer than 2 readings.

        A reading below its predecessor is a reset, and counts from zero.
        """
        values = self.history(metric, seconds)
        if len(values) < 2:
            return absent(self.now.rows)
        risen = np.zeros(self.now.rows)
        rows = np.flatnonzero(moved(values))
        risen[rows] = _rise(values[:, rows])
        return np.where(np.isnan(self.get(metric)), np.nan, risen)

    def span(self, metric: str, seconds: float) -> Column:
        """Seconds between a row's first and newest reading inside the window."""
        values = self.history(metric, seconds)
        times = self.history_at(metric, seconds)
        known = ~np.isnan(values)
        if len(known) == 0:
            return absent(self.now.rows)
        if known[0].all():
            return np.full(self.now.rows, self.now.at - times[0])
        first = known.argmax(axis=0)
        return np.where(known.any(axis=0), self.now.at - times[first], np.nan)

    def share(self, metric: str, seconds: float, bits: int) -> Column:
        """The share of known readings in which any of `bits` was set."""
        values = self.history(metric, seconds)
        known = ~np.isnan(values)
        hit = has_bits(values, bits)
        seen = known.sum(axis=0)
        share = hit.sum(axis=0) / np.maximum(seen, 1)
        return np.where(seen > 0, share, np.nan)


def has_bits(values: NDArray[np.float64], bits: int) -> Mask:
    """Whether any of `bits` is set; an absent value has none."""
    whole = np.where(np.isnan(values), 0.0, values).astype(np.int64)
    hit: Mask = (whole & bits) != 0
    return hit


def moved(values: History) -> Mask:
    """Rows that are not the same known value at every step, bool[rows].

    Most error counters of a large fleet stand still: what follows need only look at
    the few that do not. A gap counts as a move.
    """
    differs: Mask = (values[1:] != values[:-1]).any(axis=0)
    return differs


def _rise(values: History) -> Column:
    filled = forward_filled(values)
    before, after = filled[:-1], filled[1:]
    step = np.where(after >= before, after - before, after)
    pairs = ~np.isnan(before) & ~np.isnan(after)
    total = np.where(pairs, step, 0.0).sum(axis=0)
    return np.where(pairs.any(axis=0), total, np.nan)


def forward_filled(values: History) -> History:
    """Gaps take the last known value of their row; a leading gap stays NaN."""
    if len(values) == 0:
        return values
    index = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    np.maximum.accumulate(index, axis=0, out=index)
    return np.take_along_axis(values, index, axis=0)
