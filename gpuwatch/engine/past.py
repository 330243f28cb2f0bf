"""The recent past of the columns that rules look back on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gpuwatch.model.snapshot import Column, Snapshot, fitted
from gpuwatch.model.window import History

MOST_STEPS = 40
SPARE_STEPS = 8
CAPACITY = MOST_STEPS + SPARE_STEPS


class Track:
    """One metric's history as a contiguous float64[steps, rows], oldest first.

    Bounded to `MOST_STEPS`: a window longer than that many polls is thinned, so a
    half-hour window over 100,000 GPUs costs 45 MB and not 100.
    """

    def __init__(self, window_seconds: float) -> None:
        self.window_seconds = window_seconds
        self._spacing = window_seconds / (MOST_STEPS - 2)
        self._values = np.empty((CAPACITY, 0))
        self._times = np.zeros(CAPACITY)
        self._end = 0

    @property
    def is_empty(self) -> bool:
        """Nothing was ever added."""
        return self._end == 0

    def add(self, at: float, column: Column) -> None:
        """Append; the newest step replaces its forerunner while that is too close."""
        self._grow(len(column))
        self._make_room(at)
        if self._too_close():
            self._end -= 1
        self._values[self._end, : len(column)] = column
        self._values[self._end, len(column) :] = np.nan
        self._times[self._end] = at
        self._end += 1

    def _too_close(self) -> bool:
        if self._end < 2:
            return False
        last, before = self._times[self._end - 1], self._times[self._end - 2]
        return bool(last - before < self._spacing * 0.95)

    def _grow(self, rows: int) -> None:
        """Room for more rows; memory that no step has used yet is not touched."""
        known = self._values.shape[1]
        if known >= rows:
            return
        grown = np.empty((CAPACITY, rows + rows // 8))
        grown[: self._end, :known] = self._values[: self._end]
        grown[: self._end, known:] = np.nan
        self._values = grown

    def _make_room(self, at: float) -> None:
        """Once enough steps have left the window, the rest moves to the front."""
        times = self._times[: self._end]
        left = int(np.searchsorted(times, at - self.window_seconds - 0.5))
        left = max(left, self._end - MOST_STEPS + 1)
        if left >= SPARE_STEPS:
            keep = self._end - left
            self._values[:keep] = self._values[left : self._end]
            self._times[:keep] = times[left:].copy()
            self._end = keep

    def view(self, rows: int) -> tuple[Column, History]:
        """Times and values of the last `MOST_STEPS` steps inside the window."""
        start = max(0, self._end - MOST_STEPS)
        times = self._times[start : self._end]
        recent = int(np.searchsorted(times, times[-1] - self.window_seconds - 0.5))
        begin = start + recent
        return self._times[begin : self._end], self._values[begin : self._end, :rows]


class Past:
    """The tracks of all metrics with a window."""

    def __init__(self, windows: Mapping[str, float]) -> None:
        self._tracks = {name: Track(w) for name, w in windows.items() if w > 0}

    def add(self, snapshot: Snapshot) -> None:
        """Take up the snapshot's columns; a metric that was not read is a gap.

        One that nobody ever exported costs nothing.
        """
        for name, track in self._tracks.items():
            if name in snapshot.columns or not track.is_empty:
                track.add(snapshot.at, fitted(snapshot.column(name), snapshot.rows))

    def view(self, metric: str, rows: int) -> tuple[Column, History] | None:
        """Times and values of one metric, or None for one without a window."""
        track = self._tracks.get(metric)
        return None if track is None or track.is_empty else track.view(rows)
