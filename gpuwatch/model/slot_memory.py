"""What a slot usually explains, learned over hours: for sites too small for a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.grouped import medians_by, spread
from gpuwatch.model.residual import FEWEST_SIBLINGS, Explained
from gpuwatch.model.snapshot import Column
from gpuwatch.model.window import Window

LEARNED, LESSONS, LEARNED_AT = "slot_celsius", "slot_lessons", "slot_learned_at"
EVERY_SECONDS = 600.0
LESSONS_NEEDED = 12
HORIZON_LESSONS = 432
ODD_CELSIUS = 6.0


@dataclass(frozen=True)
class SlotMemory:
    """Offsets against the node's median, float64[rows], and from how many lessons."""

    celsius: Column
    lessons: Column
    at: float

    @classmethod
    def recalled(cls, window: Window) -> SlotMemory:
        """As it was kept; NaN where nothing was."""
        when = window.recall(LEARNED_AT, 1)[0]
        return cls(window.recall(LEARNED), window.recall(LESSONS), float(when))

    @property
    def trusted(self) -> Column:
        """Offsets learned from at least 12 lessons, two hours under load; else NaN."""
        return np.where(self.lessons >= LESSONS_NEEDED, self.celsius, np.nan)

    def taught(self, window: Window, seen: Explained) -> Mapping[str, Column]:
        """What to keep: every 10 minutes a lesson.

        The mean of the first 12, then one that forgets in three days: faster would
        follow a drift that is to be found. Nothing is learned from a
        GPU that is 6 °C off, by its peers or by what was learned: a fault must not
        become its own norm.
        """
        if window.now.at - self.at < EVERY_SECONDS:
            return {}
        value = _against_siblings(window, seen, self.celsius)
        odd = np.abs(value - self.celsius) >= ODD_CELSIUS
        odd = odd & (self.lessons >= LESSONS_NEEDED)
        odd = odd | (np.abs(seen.residual_celsius) >= ODD_CELSIUS)
        learns = ~np.isnan(value) & ~odd
        keep = {LEARNED_AT: np.array([window.now.at])}
        if not learns.any():
            return keep
        before = np.nan_to_num(self.lessons)
        lessons = np.where(learns, np.minimum(before + 1, LESSONS_NEEDED), before)
        weight = np.where(before < LESSONS_NEEDED, before + 1, HORIZON_LESSONS)
        known = np.where(np.isnan(self.celsius), value, self.celsius)
        moved = known + (value - known) / weight
        return keep | {
            LEARNED: np.where(learns, moved, self.celsius),
            LESSONS: np.where(lessons > 0, lessons, np.nan),
        }


def _against_siblings(window: Window, seen: Explained, learned: Column) -> Column:
    """A GPU against its node; the siblings' own offsets taken off where known."""
    node_of = window.now.fleet.node_of[: window.now.rows]
    nodes = len(window.now.fleet.nodes)
    settled = seen.settled_celsius
    plain = medians_by(settled, node_of, nodes, FEWEST_SIBLINGS)
    fair = medians_by(settled - learned, node_of, nodes, FEWEST_SIBLINGS)
    return settled - spread(np.where(np.isnan(fair), plain, fair), node_of)
