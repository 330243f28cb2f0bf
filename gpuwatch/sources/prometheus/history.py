"""How the past is cut into chunks that neither we nor the server choke on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import catalogue
from gpuwatch.ports import Plan
from gpuwatch.sources.prometheus.asking import MOST_POINTS
from gpuwatch.sources.prometheus.span import Grid

# A chunk holds at most so many values: in one answer (40 bytes each while it is read,
# four answers at a time), and in all columns (8 bytes each).
MOST_ANSWER_VALUES = 1_000_000
MOST_COLUMN_VALUES = 10_000_000
# Raw samples come as they were scraped, whatever the step.
LIKELY_SCRAPE_SECONDS = 15.0
MOST_UNKNOWN_STEPS = 64
_TOO_MUCH = re.compile(
    r"too many (samples|points)|maximum resolution|too large|is larger than"
    r"|time[ds]? ?out|in time|HTTP 413|maxSamples|hit the max|limit exceeded",
    re.IGNORECASE,
)


def is_too_much(reason: str) -> bool:
    """Whether asking for less would help."""
    return bool(_TOO_MUCH.search(reason))


@dataclass
class Cutter:
    """The chunks of one walk through history, each half as long where it was too long.

    A fleet that is not known yet is felt for: one step, then two, four, ...
    """

    start: float
    step_seconds: float
    total: int
    most_answer_values: int = MOST_ANSWER_VALUES
    done: int = 0
    _most_steps: int = MOST_POINTS
    _tried: int = 0

    @classmethod
    def between(
        cls, start: float, end: float, step: float, most_answer_values: int
    ) -> Cutter:
        """Every `step` seconds from start to end, both included where they fit."""
        total = int((end - start) / step + 1e-9) + 1
        return cls(start, step, total, most_answer_values)

    @property
    def finished(self) -> bool:
        """Whether all was taken."""
        return self.done >= self.total

    def next(self, plan: Plan, fleet: Fleet) -> Grid:
        """The times to ask for now."""
        fitting = self._fitting(plan, len(fleet)) if len(fleet) else self._feeler()
        steps = max(1, min(self.total - self.done, self._most_steps, fitting))
        start = self.start + self.done * self.step_seconds
        return Grid(start, self.step_seconds, steps)

    def _feeler(self) -> int:
        self._tried += 1
        return min(MOST_UNKNOWN_STEPS, 1 << (self._tried - 1))

    def _fitting(self, plan: Plan, rows: int) -> int:
        metrics = max(1, len(plan.metrics))
        raw_a_step = max(1.0, self.step_seconds / LIKELY_SCRAPE_SECONDS)
        answer = round(self.most_answer_values / (rows * raw_a_step))
        columns = MOST_COLUMN_VALUES // (rows * metrics)
        return min(answer, columns)

    def taken(self, grid: Grid) -> None:
        """That chunk was read."""
        self.done += grid.steps

    def shorten(self, grid: Grid) -> None:
        """That chunk was too much: go on with chunks of half its length."""
        self._most_steps = max(1, grid.steps // 2)


def refusal(unread: Mapping[str, str]) -> SourceError | None:
    """A metric that the server found too much to answer, if there is one."""
    for name, reason in unread.items():
        if is_too_much(reason) and name in catalogue():
            return SourceError(name, reason)
    return None
