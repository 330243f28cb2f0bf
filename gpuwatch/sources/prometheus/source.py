"""A cluster read through the Prometheus HTTP API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.sources.blocks import gc_paused
from gpuwatch.sources.frame import Frame
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.jobs.told import Told
from gpuwatch.sources.prometheus.asking import Asker, Client, Instant
from gpuwatch.sources.prometheus.history import (
    MOST_ANSWER_VALUES,
    Cutter,
    is_too_much,
    refusal,
)
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.profile import Freshness
from gpuwatch.sources.prometheus.promql import Freshly
from gpuwatch.sources.prometheus.reading import (
    MOST_CHECKED_ROWS,
    MOST_EVERY_CYCLE,
    Acquaintance,
    Reading,
)
from gpuwatch.sources.prometheus.span import Span
from gpuwatch.sources.prometheus.told import Teller

THREADS = 4
MORE = "this for a single step: raise the server's limits"


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
        jobs: JobKnowledge | None = None,
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
        self._jobs = jobs
        self._teller = None if jobs is None else Teller(jobs.questions)

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        """All readings at one time; SourceError when heartbeats cannot be read."""
        self._client.begin_cycle()
        try:
            when = self.now() if at is None else at
            with gc_paused():
                asker, known = Instant(self._client, when), self._acquaintance(fleet)
                frame, live = self._frame(asker, known, plan), at is None
                return next(self._snapshots(asker, frame, self._teller, live=live))
        finally:
            self._client.end_cycle()

    def now(self) -> float:
        """The newest time at which all samples have surely arrived, Unix seconds."""
        return self._client.server_time() - self._client.offset_seconds

    def _acquaintance(self, fleet: Fleet) -> Acquaintance:
        if self._known is None or self._known.register.fleet is not fleet:
            self._known = Acquaintance.of(fleet, self._naming)
            self._known.most_every_cycle = self._most_every_cycle
        return self._known

    def _frame(self, asker: Asker, known: Acquaintance, plan: Plan) -> Frame:
        fresh = self._fresh(len(known.register.fleet))
        return Reading(asker, known, plan, self._pool, fresh).frame(self._discover)

    def _snapshots(
        self, asker: Asker, frame: Frame, teller: Teller | None, *, live: bool
    ) -> Iterator[Snapshot]:
        """Each step's, with jobs, throughput and topology where somebody knows them."""
        told: Sequence[Told] = ()
        if teller is not None:
            told = teller.told(asker, frame, self._pool)
        for step in range(frame.steps):
            seen = frame.snapshot(step)
            if self._jobs is not None:
                seen = self._jobs.completed(seen, told[step], live=live)
            yield seen

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
        teller = None if self._jobs is None else Teller(self._jobs.questions)
        cutter = Cutter.between(start, end, step, self._most_answer_values)
        while not cutter.finished:
            grid = cutter.next(plan, fleet)
            asker = Span(self._client, grid, self._max_age_seconds)
            with gc_paused():
                frame = self._stretch(asker, known, plan)
                if frame is None:
                    cutter.shorten(grid)
                    continue
                snapshots = self._snapshots(asker, frame, teller, live=False)
                first = next(snapshots)
            yield first
            yield from snapshots
            cutter.taken(grid)

    def _stretch(self, asker: Span, known: Acquaintance, plan: Plan) -> Frame | None:
        """One chunk; None where it was too much at once for the server.

        SourceError where even one step is too much.
        """
        told = self._client.profile.freshness is not Freshness.WINDOW
        fresh = Freshly(self._max_age_seconds, checked=not told, ranged=True)
        try:
            frame = Reading(asker, known, plan, self._pool, fresh).frame(self._discover)
            refused = refusal(frame.unread)
            if refused is not None:
                raise refused
        except SourceError as error:
            if not is_too_much(error.reason):
                raise
            if len(asker.times) > 1:
                return None
            raise SourceError(error.query, f"{error.reason}; {MORE}") from error
        return frame

    def close(self) -> None:
        """Let go of connections and threads."""
        if self._jobs is not None:
            self._jobs.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()
