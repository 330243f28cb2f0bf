"""One question, for one time (or, in `span`, for many); answered as a block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gpuwatch.model.snapshot import Column
from gpuwatch.sources.blocks import Block, Labels, Matrix
from gpuwatch.sources.prometheus.profile import Profile
from gpuwatch.sources.prometheus.promql import Freshly, beat

MOST_POINTS = 11_000
HEARTBEAT = "heartbeat"


@dataclass(frozen=True)
class Sampled:
    """Who exports a metric, by a count of samples over a stretch of the past.

    `full`: labels of GPUs (or cards) with a sample for each of their heartbeats.
    `short`: some GPU exports it and had fewer.
    """

    full: Sequence[Labels]
    short: bool


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

    def matrix(
        self, expr: str, start: float, end: float, step: float, *, name: str = ""
    ) -> Sequence[tuple[Labels, Matrix]]:
        """A range query, its samples as float64[samples, 2] of times and values."""

    def raw(
        self, selector: str, seconds: float, at: float, *, name: str = ""
    ) -> Sequence[tuple[Labels, Matrix]]:
        """The samples as they were scraped in the `seconds` up to `at`."""

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

    def beats(self, selector: str, labels: Sequence[str]) -> Block:
        """When each GPU was last sampled, by these labels."""

    def freshly(self, name: str, fresh: Freshly, *, links: bool = False) -> Freshly:
        """How to select `name` so that no old sample is shown."""

    def sampled(self, name: str, *, links: bool) -> Sampled | None:
        """Who exports `name` at all times; None = nobody counted."""


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

    def beats(self, selector: str, labels: Sequence[str]) -> Block:
        """By `timestamp`, cheap at one time."""
        return self.ask(beat(selector, labels), HEARTBEAT)

    def freshly(self, name: str, fresh: Freshly, *, links: bool = False) -> Freshly:
        """As told."""
        del name, links
        return fresh

    def sampled(self, name: str, *, links: bool) -> Sampled | None:
        """There is nothing to count at one time."""
        del name, links
        return None
