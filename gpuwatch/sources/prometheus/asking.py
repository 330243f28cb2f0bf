"""One question, for one time or for a stretch of times; answered as a block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gpuwatch.model.snapshot import Column
from gpuwatch.sources.blocks import Block, Labels
from gpuwatch.sources.prometheus.profile import Profile

MOST_POINTS = 11_000


class Client(Protocol):
    """What is needed of a Prometheus client; every call may raise SourceError."""

    @property
    def profile(self) -> Profile:
        """The backend's ways."""

    @property
    def offset_seconds(self) -> float:
        """How far in the past to ask."""

    def begin_cycle(self, deadline_seconds: float | None = None) -> None:
        """Start the one deadline of all calls to come."""

    def end_cycle(self) -> None:
        """Each call has its own deadline again."""

    def query(
        self, expr: str, at: float, *, name: str = ""
    ) -> Iterable[tuple[Labels, float]]:
        """An instant query."""

    def query_range(
        self, expr: str, start: float, end: float, step: float, *, name: str = ""
    ) -> Iterable[tuple[Labels, Sequence[tuple[float, float]]]]:
        """A range query."""

    def metric_names(self) -> frozenset[str]:
        """All metric names."""

    def server_time(self) -> float:
        """The server's clock, Unix seconds."""

    def close(self) -> None:
        """Close all connections."""


class Asker(Protocol):
    """Asks at fixed evaluation times."""

    @property
    def times(self) -> Column:
        """The evaluation times, float64[steps]."""

    def ask(self, expr: str, name: str) -> Block:
        """The answer at all of them; SourceError when there is none."""

    def seldom(self, expr: str, name: str) -> Block:
        """The same for what hardly changes: fewer times may be asked."""


@dataclass(frozen=True)
class Instant:
    """One evaluation time for every question of a cycle."""

    client: Client
    at: float

    @property
    def times(self) -> Column:
        """That one time."""
        return np.array([self.at])

    def ask(self, expr: str, name: str) -> Block:
        """An instant query."""
        return Block.single(self.client.query(expr, self.at, name=name))

    def seldom(self, expr: str, name: str) -> Block:
        """No different."""
        return self.ask(expr, name)


@dataclass(frozen=True)
class Span:
    """`steps` evaluation times, `step_seconds` apart."""

    client: Client
    start: float
    step_seconds: float
    steps: int

    @property
    def times(self) -> Column:
        """All evaluation times, float64[steps]."""
        steps = np.arange(self.steps, dtype=np.float64)
        return self.start + self.step_seconds * steps

    def ask(self, expr: str, name: str) -> Block:
        """A range query; a step without a sample is NaN."""
        return self._block(expr, name, self.step_seconds, self.steps)

    def seldom(self, expr: str, name: str, every_seconds: float = 300.0) -> Block:
        """A coarser range query, each answer standing until the next."""
        stride = min(self.steps, max(1, round(every_seconds / self.step_seconds)))
        coarse = -(-self.steps // stride)
        block = self._block(expr, name, self.step_seconds * stride, coarse)
        fine = np.repeat(block.values, stride, axis=0)[: self.steps]
        return Block(block.labels, fine)

    def _block(self, expr: str, name: str, step: float, steps: int) -> Block:
        end = self.start + step * (steps - 1)
        series = list(self.client.query_range(expr, self.start, end, step, name=name))
        values = np.full((steps, len(series)), np.nan)
        for column, (_, samples) in enumerate(series):
            if samples:
                pairs = np.array(samples, np.float64)
                index = np.rint((pairs[:, 0] - self.start) / step).astype(np.int64)
                values[index, column] = pairs[:, 1]
        return Block([labels for labels, _ in series], values)
