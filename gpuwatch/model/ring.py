"""Means over equal spans of time, kept in a ring of columns through restarts.

One column of the ring is written when a span ends; the running sum of the present
span when a reading is added. That is all the store has to write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.snapshot import Column, absent
from gpuwatch.model.trend import History
from gpuwatch.model.window import Window


@dataclass(frozen=True)
class Ring:
    """`size` spans of `span_seconds`, columns of `length`, kept under `prefix`."""

    window: Window
    prefix: str
    length: int
    size: int
    span_seconds: float

    def added(self, value: Column) -> Mapping[str, Column]:
        """With one more reading; NaN adds nothing. To be kept."""
        span = self._span(self.window.now.at)
        before = self._present_span()
        total, count = self._recall("sum"), np.nan_to_num(self._recall("count"))
        keep: dict[str, Column] = {}
        if span != before:
            keep |= self._closed(before, span, total, count)
            total, count = absent(self.length), np.zeros(self.length)
        known = ~np.isnan(value)
        total = np.where(known, np.nan_to_num(total) + np.nan_to_num(value), total)
        return keep | {
            self._name("span"): np.array([float(span)]),
            self._name("sum"): total,
            self._name("count"): count + known,
        }

    def history(self, keep: Mapping[str, Column]) -> History | None:
        """float64[size, length], oldest first, if a span ended in this `keep`."""
        span = self._span(self.window.now.at)
        if self._name(f"{(span - 1) % self.size:02d}") not in keep:
            return None
        columns = [self._slot(number, keep) for number in range(span - self.size, span)]
        return np.stack(columns)

    def _closed(
        self, before: int | None, span: int, total: Column, count: Column
    ) -> dict[str, Column]:
        """The span that ended takes its place; those that were missed are emptied.

        A clock that went back empties all.
        """
        if before is None:
            return {}
        first = span - self.size
        if before < span:
            first = max(before, first)
        mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        return {
            self._name(f"{number % self.size:02d}"): mean
            if number == before
            else absent(self.length)
            for number in range(first, span)
        }

    def _slot(self, number: int, keep: Mapping[str, Column]) -> Column:
        name = f"{number % self.size:02d}"
        fresh = keep.get(self._name(name))
        return self._recall(name) if fresh is None else fresh

    def _present_span(self) -> int | None:
        kept = float(self.window.recall(self._name("span"), 1)[0])
        return None if np.isnan(kept) else int(kept)

    def _span(self, at: float) -> int:
        return int(at // self.span_seconds)

    def _recall(self, name: str) -> Column:
        return self.window.recall(self._name(name), self.length)

    def _name(self, name: str) -> str:
        return f"{self.prefix}_{name}"
