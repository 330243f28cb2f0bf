"""A cluster read through the Prometheus HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.sources.blocks import gc_paused
from gpuwatch.sources.frame import Frame
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.prometheus.asking import MOST_POINTS, Asker, Client, Instant, Span
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.profile import Freshness
from gpuwatch.sources.prometheus.promql import Freshly
from gpuwatch.sources.prometheus.reading import (
    MOST_CHECKED_ROWS,
    MOST_EVERY_CYCLE,
    Acquaintance,
    Reading,
)

THREADS = 4
# A chunk of history holds at most so many values: in one answer (150 bytes each as
# Python objects, four answers at a time) and in all columns (8 bytes each).
MOST_ANSWER_VALUES = 250_000
MOST_COLUMN_VALUES = 10_000_000


class PrometheusSource:
    """One cluster behind one client. `read` and `history` follow `ports.Source`.

    All queries of a cycle have the same `time=`: the server's clock less the offset.
    What was learned of a fleet is kept from cycle to cycle.
    """

    def __init__(
        self,
        cluster: str,
        client: Client,
        naming: Naming | None = None,
        max_sample_age_seconds: float = 90.0,
        *,
        most_answer_values: int = MOST_ANSWER_VALUES,
        most_every_cycle: int = MOST_EVERY_CYCLE,
    ) -> None:
        self.cluster = cluster
        self._client, self._naming = client, naming or Naming()
        self._max_age_seconds = max_sample_age_seconds
        self._most_answer_values = most_answer_values
        self._most_every_cycle = most_every_cycle
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="gpuwatch-query")
        self._known: Acquaintance | None = None

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        """All readings at one time; SourceError when heartbeats cannot be read."""
        self._client.begin_cycle()
        try:
            when = self._now() if at is None else at
            with gc_paused():
                known = self._acquaintance(fleet)
                return self._frame(Instant(self._client, when), known, plan).snapshot(0)
        finally:
            self._client.end_cycle()

    def _now(self) -> float:
        return self._client.server_time() - self._client.offset_seconds

    def _acquaintance(self, fleet: Fleet) -> Acquaintance:
        if self._known is None or self._known.register.fleet is not fleet:
            self._known = Acquaintance.of(fleet, self._naming)
            self._known.most_every_cycle = self._most_every_cycle
        return self._known

    def _frame(self, asker: Asker, known: Acquaintance, plan: Plan) -> Frame:
        fresh = self._fresh(len(known.register.fleet))
        return Reading(asker, known, plan, self._pool, fresh).frame(self._discover)

    def _fresh(self, rows: int) -> Freshly:
        profile = self._client.profile
        told = profile.freshness is not Freshness.WINDOW
        many = rows > MOST_CHECKED_ROWS and profile.staleness_markers
        return Freshly(self._max_age_seconds, checked=not (told or many))

    def _discover(self) -> NameBook:
        return NameBook.of(self._client.metric_names())

    def history(
        self, plan: Plan, fleet: Fleet, start: float, end: float, step: float
    ) -> Iterator[Snapshot]:
        """The same readings of the past, every `step` seconds from start to end.

        Asked in chunks, so memory does not grow with the span; a GPU's row is in the
        fleet from the chunk, and in the snapshots from the step, that first shows it.
        """
        known = Acquaintance.of(fleet, self._naming)
        total = int((end - start) / step + 1e-9) + 1
        done = 0
        while done < total:
            steps = min(total - done, self._chunk(plan, fleet, first=done == 0))
            asker = Span(self._client, start + done * step, step, steps)
            with gc_paused():
                frame = self._frame(asker, known, plan)
            yield from (frame.snapshot(index) for index in range(steps))
            done += steps

    def _chunk(self, plan: Plan, fleet: Fleet, *, first: bool) -> int:
        """How many steps to ask at once; of a fleet not yet known a single one."""
        if first and len(fleet) == 0:
            return 1
        rows, metrics = max(1, len(fleet)), max(1, len(plan.metrics))
        fitting = min(
            self._most_answer_values // rows, MOST_COLUMN_VALUES // (rows * metrics)
        )
        return min(MOST_POINTS, max(1, fitting))

    def close(self) -> None:
        """Let go of connections and threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()
