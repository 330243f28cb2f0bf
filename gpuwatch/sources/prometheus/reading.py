"""One reading of a cluster: which questions, in which order, into one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import Metric, Pace, SourceName, catalogue
from gpuwatch.model.snapshot import Column, fitted
from gpuwatch.ports import Plan
from gpuwatch.sources.blocks import Block, Flags, always, ever
from gpuwatch.sources.frame import Frame, Piece
from gpuwatch.sources.identity import Naming, gpu_key
from gpuwatch.sources.prometheus.asking import Asker
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.presence import Proofs, SparseReader
from gpuwatch.sources.prometheus.promql import Freshly, Readings
from gpuwatch.sources.prometheus.pulse import Pulse
from gpuwatch.sources.prometheus.rails import RailMemory
from gpuwatch.sources.prometheus.surroundings import (
    HostReader,
    XidReader,
    read_answers,
)
from gpuwatch.sources.prometheus.versions import LABEL_KIND, VersionReader
from gpuwatch.sources.register import Register
from gpuwatch.sources.units import Ratios
from gpuwatch.sources.xids import XID, XID_COUNT

SLOW_CYCLES = 20
EVENTS = frozenset({XID, XID_COUNT})
# Above this many rows selectors trust the server's own freshness (promql.Freshly).
MOST_CHECKED_ROWS = 4_000
# Above this many rows dense metrics are asked in one cycle, sparse ones in the next.
MOST_EVERY_CYCLE = 20_000
_HERTZ = "_HERTZ"

Part = tuple[Metric, SourceName, str]


@dataclass
class Acquaintance:
    """What a source remembers of one fleet from cycle to cycle."""

    register: Register
    names: NameBook | None = None
    ratios: Ratios = field(default_factory=Ratios)
    proofs: Proofs = field(default_factory=Proofs)
    hosts: dict[tuple[str, str], str] = field(default_factory=dict)
    rails: RailMemory = field(default_factory=RailMemory)
    kept: dict[str, Column] = field(default_factory=dict)
    kept_rows: int = 0
    alive: Flags = field(default_factory=lambda: np.empty(0, bool))
    cycle: int = 0
    most_every_cycle: int = MOST_EVERY_CYCLE

    @classmethod
    def of(cls, fleet: Fleet, naming: Naming) -> Acquaintance:
        """Nothing known yet but the fleet's rows."""
        return cls(Register(fleet, naming))


class Reading:
    """Asks everything that a plan wants at the asker's times.

    Heartbeats and XIDs first, for they fix the rows; then all metrics side by side on
    the executor. A failed query fills `unread` and leaves its column absent, but a
    failed heartbeat is a SourceError.
    """

    def __init__(
        self,
        asker: Asker,
        known: Acquaintance,
        plan: Plan,
        executor: Executor,
        fresh: Freshly,
    ) -> None:
        self._asker, self._known, self._plan = asker, known, plan
        self._executor, self._fresh = executor, fresh
        self._frame = Frame(
            known.register, known.ratios, asker.times, fresh.max_age_seconds
        )

    def frame(self, discover: Callable[[], NameBook]) -> Frame:
        """All of it; `discover` asks for the server's metric names."""
        self._discover(discover)
        self._listen(discover)
        wanted = [
            catalogue()[name] for name in self._plan.metrics if name in catalogue()
        ]
        self._read_xids(wanted)
        self._frame.widen()
        of_gpus = [m for m in wanted if m.scope != "node" and m.name not in EVENTS]
        self._read_metrics([m for m in of_gpus if m.kind != LABEL_KIND])
        self._read_versions([m for m in of_gpus if m.kind == LABEL_KIND])
        self._read_hosts({metric.name for metric in wanted if metric.scope == "node"})
        queries, hosts = self._plan.queries, self._known.hosts
        read_answers(self._asker, self._frame, queries, self._executor, hosts)
        self._remember()
        return self._frame

    @property
    def _names(self) -> NameBook:
        return self._known.names or NameBook.everything()

    def _discover(self, discover: Callable[[], NameBook]) -> None:
        names = self._known.names
        due = names is None or self._known.cycle % SLOW_CYCLES == 0
        # a server that just started has no names yet; do not wait for the next turn
        if due or (names is not None and not names.pulses()):
            with self._noting("metric names"):
                self._known.names = discover()

    @contextmanager
    def _noting(self, name: str) -> Iterator[None]:
        """A SourceError becomes an entry of `unread`."""
        try:
            yield
        except SourceError as error:
            self._frame.unread[name] = error.reason

    def _listen(self, discover: Callable[[], NameBook]) -> None:
        known, register = self._known, self._known.register
        pulse = Pulse(self._asker, register, self._fresh.max_age_seconds)
        introduce = known.cycle % SLOW_CYCLES == 0
        found = pulse.listen(self._names, introduce=introduce)
        self._frame.beat(found)
        lost = self._lost()
        if lost:
            found = self._look_again(pulse, discover, found, lost)
            self._frame.beat(found)
        if not self._names.pulses():
            self._frame.unread["heartbeat"] = "the server has no DCGM metric"
        self._frame.retire_moved()

    def _lost(self) -> Sequence[str]:
        """GPUs that were alive a moment ago and are now silent at some step."""
        present = self._frame.present
        seen = ever(present)
        seen[: len(self._known.alive)] |= self._known.alive
        silent = np.flatnonzero(seen & ~always(present)).tolist()
        if not silent:
            return []
        here = {self._gpu_key(row) for row in np.flatnonzero(always(present)).tolist()}
        return [key for row in silent if (key := self._gpu_key(row)) not in here]

    def _gpu_key(self, row: int) -> str:
        gpu = self._known.register.fleet.gpus[row]
        return gpu_key(gpu.uuid, gpu.mig)

    def _look_again(
        self,
        pulse: Pulse,
        discover: Callable[[], NameBook],
        found: Block,
        lost: Sequence[str],
    ) -> Block:
        """Before somebody is called lost: new names, then the other quantities."""
        names = self._names
        with self._noting("metric names"):
            self._known.names = discover()
        if self._names.pulses() != names.pulses():
            found = pulse.listen(self._names, introduce=False)
        others = pulse.missing(self._names, lost)
        return Block.joined([found, others], self._frame.steps)

    def _read_xids(self, wanted: Sequence[Metric]) -> None:
        if EVENTS & {metric.name for metric in wanted}:
            XidReader(self._asker, self._frame, self._fresh).read(self._names)

    def _read_metrics(self, metrics: Sequence[Metric]) -> None:
        """Fetch side by side; make columns here, base units before ratios."""
        sparse = SparseReader(
            self._asker, self._frame, self._known.proofs, self._fresh, self._known.cycle
        )
        self._count_xids(sparse)
        due = [m for i, m in enumerate(metrics) if not self._recalled(m, i)]
        running = {m: self._fetch(m, sparse) for m in due}
        pieces = {metric: self._gathered(metric, running[metric]) for metric in due}
        for found in pieces.values():
            for piece in found:
                if piece.source.name.endswith(_HERTZ):
                    self._frame.note_base_units(piece.raw)
        for metric, found in pieces.items():
            self._frame.put(metric, found)
            self._keep(metric)

    def _read_versions(self, metrics: Sequence[Metric]) -> None:
        """Now and then; between whiles the columns of last time stand."""
        new = self._frame.steps > 1 or self._known.kept_rows != self._frame.rows
        if not metrics or not (new or self._is_due(Pace.SLOW, 0)):
            for metric in metrics:
                self._recalled(metric, 0)
            return
        with self._noting(metrics[0].name):
            VersionReader(self._asker, self._frame).read(self._names)
        for metric in metrics:
            self._keep(metric)

    def _count_xids(self, sparse: SparseReader) -> None:
        """Where the exporter's own XID count is the source; who knows XIDs at all."""
        if not EVENTS & set(self._plan.metrics):
            return
        metric = catalogue()[XID_COUNT]
        counted = np.zeros((self._frame.steps, self._frame.rows), bool)
        with self._noting(XID_COUNT):
            for source, name in self._names.of_metric(metric):
                counted |= sparse.read(metric, source, name).known
        gauge = bool(self._names.of_metric(catalogue()[XID]))
        gauge = gauge and XID not in self._frame.unread
        present = self._frame.present
        self._frame.xids_counted = counted & present
        self._frame.xids_known = present & (counted | gauge)

    def _fetch(self, metric: Metric, sparse: SparseReader) -> list[Future[Piece]]:
        parts = self._names.of_metric(metric)
        read = sparse.read if metric.pace is Pace.SPARSE else self._read_dense
        submit = self._executor.submit
        return [submit(read, metric, source, name) for source, name in parts]

    def _read_dense(self, metric: Metric, source: SourceName, name: str) -> Piece:
        links = metric.scope == "link"
        fresh = self._asker.freshly(name, self._fresh, links=links)
        expr = Readings(name, source, metric.scope, fresh).every()
        seldom = metric.pace is Pace.SLOW
        ask = self._asker.seldom if seldom else self._asker.ask
        return Piece(source, self._frame.spread(ask(expr, metric.name)))

    def _gathered(
        self, metric: Metric, running: Sequence[Future[Piece]]
    ) -> list[Piece]:
        """All its names' answers that say anything; none if one of them failed."""
        pieces: list[Piece] = []
        failed = False
        for future in running:
            try:
                pieces.append(future.result())
            except SourceError as error:
                self._frame.unread[metric.name] = error.reason
                failed = True
        return [] if failed else [piece for piece in pieces if piece.speaks]

    def _recalled(self, metric: Metric, position: int) -> bool:
        """A metric that is not due takes its column of last time."""
        kept = self._known.kept.get(metric.name)
        grown = self._known.kept_rows != self._frame.rows
        if kept is None or grown or self._frame.steps > 1:
            return False
        if self._is_due(metric.pace, position):
            return False
        column = np.where(self._frame.present[0], kept, np.nan)
        self._frame.columns[metric.name] = column[None, :]
        return True

    def _is_due(self, pace: Pace, position: int) -> bool:
        """Slow ones in turn; in a large fleet dense and sparse ones by turns."""
        cycle = self._known.cycle
        if pace is Pace.SLOW:
            return (cycle + position) % SLOW_CYCLES == 0
        turn = 0 if pace is Pace.FAST else 1
        return not self._is_large or cycle % 2 == turn

    @property
    def _is_large(self) -> bool:
        return self._frame.rows > self._known.most_every_cycle

    def _keep(self, metric: Metric) -> None:
        found = self._frame.columns.get(metric.name)
        if found is None:
            self._known.kept.pop(metric.name, None)
        elif metric.pace is Pace.SLOW or self._is_large:
            self._known.kept[metric.name] = fitted(found[-1], self._frame.rows)

    def _read_hosts(self, wanted: set[str]) -> None:
        known = self._known
        hosts = HostReader(
            self._asker, self._frame, self._fresh, known.hosts, known.rails
        )
        for name, read in hosts.columns(self._names).items():
            if name in wanted:
                with self._noting(name):
                    self._frame.node_columns[name] = read()

    def _remember(self) -> None:
        self._known.alive = self._frame.present[-1]
        self._known.kept_rows = self._frame.rows
        self._known.cycle += 1
