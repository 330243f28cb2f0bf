"""How far a backtest is: a bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from gpuwatch.incidents.record import iso


class Bar:
    """Follows readings from `begin` to `end` (Unix seconds), cluster by cluster.

    Drawn on stderr, and only on a terminal; what was reached is known either way.
    """

    def __init__(self, clusters: Sequence[str], begin: float, end: float) -> None:
        self._places = {name: place for place, name in enumerate(clusters)}
        self._begin, self._seconds = begin, max(end - begin, 1.0)
        self._cluster, self._at = "", begin
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        total = self._seconds * len(self._places)
        self._task = self._progress.add_task("asking", total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def reached(self, cluster: str, at: float) -> None:
        """Judged up to `at` in that cluster."""
        self._cluster, self._at = cluster, at
        done = self._places[cluster] * self._seconds + at - self._begin
        words = f"{cluster} {iso(at)}".replace("[", r"\[")
        self._progress.update(self._task, completed=done, description=words)

    @property
    def words(self) -> str:
        """How far it got, for somebody who stopped it."""
        if not self._cluster:
            return "before the first reading"
        share = (self._at - self._begin) / self._seconds
        return f"at {iso(self._at)} of {self._cluster} ({share:.0%} of it)"
