"""Asking for a stretch of the past: the same answers as live, without their price.

`timestamp(x)`, by which live queries tell how old a sample is, costs Prometheus twenty
times what `x` costs in a range query. So heartbeats are read as raw samples, which
carry their times; and whether another metric needs its age looked at is found by
counting: a GPU whose metric was sampled as often as its heartbeat has no old samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpuwatch.model.snapshot import Column
from gpuwatch.settings import Backend
from gpuwatch.sources.blocks import Block, Labels
from gpuwatch.sources.identity import key_of, uuid_of
from gpuwatch.sources.prometheus.asking import HEARTBEAT, Client, Sampled
from gpuwatch.sources.prometheus.promql import Freshly, beat, counted

SELDOM_SECONDS = 300.0
# Whose range selectors are known to answer raw samples that are never summarised.
TELL_RAW = frozenset({Backend.PROMETHEUS, Backend.THANOS, Backend.MIMIR})


@dataclass(frozen=True)
class Grid:
    """`steps` evaluation times from `start` (Unix seconds), `step_seconds` apart."""

    start: float
    step_seconds: float
    steps: int

    @property
    def times(self) -> Column:
        """All of them, float64[steps]."""
        return self.start + self.step_seconds * np.arange(self.steps, dtype=np.float64)

    @property
    def end(self) -> float:
        """The last of them."""
        return self.start + self.step_seconds * (self.steps - 1)


class Span:
    """Asks at all times of a grid; follows `Asker`."""

    def __init__(self, client: Client, grid: Grid, max_age_seconds: float) -> None:
        self._client, self._grid = client, grid
        self._max_age_seconds = max_age_seconds
        self._beats: defaultdict[str, float] = defaultdict(float)
        self._beats_of_card: defaultdict[str, float] = defaultdict(float)

    @property
    def times(self) -> Column:
        """All evaluation times, float64[steps]."""
        return self._grid.times

    def ask(self, expr: str, name: str) -> Block:
        """A range query; a step without a sample is NaN."""
        return self._block(expr, name, self._grid)

    def seldom(self, expr: str, name: str) -> Block:
        """A coarser range query, each answer standing until the next."""
        grid = self._grid
        stride = min(grid.steps, max(1, round(SELDOM_SECONDS / grid.step_seconds)))
        coarse = Grid(grid.start, grid.step_seconds * stride, -(-grid.steps // stride))
        block = self._block(expr, name, coarse)
        fine = np.repeat(block.values, stride, axis=0)[: grid.steps]
        return Block(block.labels, fine)

    def beats(self, selector: str, labels: Sequence[str]) -> Block:
        """Sample times of a heartbeat; how many there were is remembered."""
        if self._client.profile.name not in TELL_RAW:
            return self.ask(beat(selector, labels), HEARTBEAT)
        raw = self._raw(selector)
        shown = self.ask(selector, HEARTBEAT)  # it heeds staleness markers
        values = np.full(shown.values.shape, np.nan)
        for column, one in enumerate(shown.labels):
            times = raw.get(_identity(one))
            if times is not None:
                values[:, column] = _newest(times, self.times)
        values[np.isnan(shown.values)] = np.nan
        kept = [{n: one[n] for n in labels if one.get(n)} for one in shown.labels]
        return Block(kept, values)

    def _raw(self, selector: str) -> dict[frozenset[tuple[str, str]], Column]:
        """Scrape times by series; counts per GPU are noted on the way."""
        seconds = self._grid.end - self._grid.start + self._max_age_seconds
        series = self._client.raw(selector, seconds, self._grid.end, name=HEARTBEAT)
        counts: defaultdict[str, float] = defaultdict(float)
        for one, samples in series:
            counts[key_of(one)] += len(samples)
        for key, count in counts.items():
            card = key.partition("\0")[0]
            self._beats[key] = max(self._beats[key], count)
            self._beats_of_card[card] = max(self._beats_of_card[card], count)
        return {_identity(one): samples[:, 0] for one, samples in series}

    def sampled(self, name: str, *, links: bool) -> Sampled | None:
        """Which GPUs' series of `name` are as many samples as their heartbeats."""
        if not self._beats:
            return None
        seconds = self._grid.end - self._grid.start + self._max_age_seconds
        expr = counted(name, seconds, links=links)
        counts = list(self._client.query(expr, self._grid.end, name=name))
        full = [one for one, count in counts if count >= self._expected(one)]
        return Sampled(full, short=len(full) < len(counts))

    def _expected(self, labels: Labels) -> float:
        """Heartbeats of a GPU, of its card for a series that names no MIG instance."""
        key = key_of(labels)
        if key in self._beats:
            return self._beats[key]
        return self._beats_of_card.get(uuid_of(labels), np.inf)

    def freshly(self, name: str, fresh: Freshly, *, links: bool = False) -> Freshly:
        """The cheapest selectors that still show no old sample."""
        sampled = self.sampled(name, links=links) if fresh.checked else None
        proven = sampled is not None and not sampled.short
        return replace(fresh, checked=fresh.checked and not proven)

    def _block(self, expr: str, name: str, grid: Grid) -> Block:
        series = self._client.matrix(
            expr, grid.start, grid.end, grid.step_seconds, name=name
        )
        values = np.full((grid.steps, len(series)), np.nan)
        for column, (_, samples) in enumerate(series):
            offsets = (samples[:, 0] - grid.start) / grid.step_seconds
            values[np.rint(offsets).astype(np.int64), column] = samples[:, 1]
        return Block([labels for labels, _ in series], values)


def _identity(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _newest(sampled: Column, times: Column) -> Column:
    """The newest sample time at each time; NaN before the first."""
    index = np.searchsorted(sampled, times, side="right") - 1
    return np.where(index >= 0, sampled[np.maximum(index, 0)], np.nan)
