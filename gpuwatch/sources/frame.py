"""One or many steps of readings in the making, as matrices of steps by rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.identity import Subject
from gpuwatch.model.metric import Metric, SourceName
from gpuwatch.model.snapshot import Answer, Column, Series, Snapshot
from gpuwatch.sources.blocks import Block, Flags, Indices, Matrix, ever, scatter_max
from gpuwatch.sources.decode import blanks, impossible, scaled
from gpuwatch.sources.register import Register
from gpuwatch.sources.units import Ratios
from gpuwatch.sources.xids import XidTable

_NO_JOB = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Piece:
    """One exporter name's answer on the rows.

    `raw`: float64[steps, rows] as exported; `proven`: bool likewise, where no value
    means zero (None: nowhere).
    """

    source: SourceName
    raw: Matrix
    proven: Flags | None = None

    @property
    def known(self) -> Flags:
        """Rows on which the name is exported, zero or not."""
        seen = ~np.isnan(self.raw)
        return seen if self.proven is None else seen | self.proven

    @property
    def speaks(self) -> bool:
        """Whether it says anything at all."""
        proves = self.proven is not None and bool(self.proven.any())
        return proves or not np.isnan(self.raw).all()


@dataclass
class Frame:
    """Steps by rows; `beat` comes first and fixes the rows, `snapshot` last.

    `times`: float64[steps], Unix seconds. `known_rows`: rows that had been seen by
    each step, int64[steps].
    """

    register: Register
    ratios: Ratios
    times: Column
    max_age_seconds: float
    sampled_at: Matrix = field(init=False)
    job_of: NDArray[np.int64] = field(init=False)
    known_rows: Indices = field(init=False)
    jobs: tuple[str, ...] = ()
    columns: dict[str, Matrix] = field(default_factory=dict)
    node_columns: dict[str, Matrix] = field(default_factory=dict)
    xids: XidTable = field(default_factory=XidTable)
    xids_known: Flags | None = None
    xids_counted: Flags | None = None
    answers: dict[str, Sequence[Answer]] = field(default_factory=dict)
    answer_labels: dict[str, Sequence[Mapping[Subject, Series]]] = field(
        default_factory=dict
    )
    unread: dict[str, str] = field(default_factory=dict)
    dropped: list[Counter[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.dropped = [Counter() for _ in self.times]
        self._base_units = np.zeros((self.steps, 0), bool)
        self._rows_before = len(self.register.fleet)

    @property
    def steps(self) -> int:
        """How many evaluation times."""
        return len(self.times)

    @property
    def rows(self) -> int:
        """How many rows each step has."""
        return len(self.sampled_at.T)

    @property
    def present(self) -> Flags:
        """GPUs with a live series, bool[steps, rows]."""
        return ~np.isnan(self.sampled_at)

    @property
    def node_of(self) -> Indices:
        """The node row of each row, int64[rows]."""
        return self.register.fleet.node_of[: self.rows]

    def empty(self) -> Matrix:
        """A matrix in which nothing is known."""
        return np.full((self.steps, self.rows), np.nan)

    def beat(self, block: Block) -> None:
        """Take up heartbeats: values are sample times; old ones count for nothing."""
        age = self.times[:, None] - block.values
        fresh = np.where(age <= self.max_age_seconds, block.values, np.nan)
        alive = ~np.isnan(fresh)
        block = Block(block.labels, fresh).picked(ever(alive))
        block = _by_first_sight(block)
        rows = self.register.rows(block.labels)
        self.sampled_at = np.full((self.steps, len(self.register.fleet)), np.nan)
        named = rows >= 0
        block, rows = block.picked(named), rows[named]
        scatter_max(self.sampled_at, rows, block.values)
        self._count_known()
        self._take_jobs(block, rows)
        self._settle_moved()

    def _count_known(self) -> None:
        """Each step knows the rows up to the last that had been seen by then."""
        new = ~np.isnan(self.sampled_at[:, self._rows_before :])
        counts = np.where(new, np.arange(1, new.shape[1] + 1), 0)
        most = counts.max(axis=1, initial=0)
        self.known_rows = self._rows_before + np.maximum.accumulate(most)

    def _take_jobs(self, block: Block, rows: Indices) -> None:
        """The job of the newest series; of several at once the first by name."""
        names = [self.register.job(one) for one in block.labels]
        self.jobs = tuple(sorted({name for name in names if name}))
        number = {name: index for index, name in enumerate(self.jobs)}
        mine = np.array([number.get(name, _NO_JOB) for name in names], np.int64)
        newest = block.values == self.sampled_at[:, rows]
        claims = np.where(newest, mine, _NO_JOB)
        jobs = np.full((self.steps, self.rows), _NO_JOB)
        np.minimum.at(jobs.T, rows, claims.T)
        self.job_of = np.where(jobs == _NO_JOB, -1, jobs)

    def _settle_moved(self) -> None:
        """A card on two nodes at once is where its newest sample is."""
        for same in self.register.places.moved():
            rows = [row for row in same if row < self.rows]
            times = np.where(self.present[:, rows], self.sampled_at[:, rows], -np.inf)
            winner = times.shape[1] - 1 - times[:, ::-1].argmax(axis=1)
            for place, row in enumerate(rows):
                self.sampled_at[winner != place, row] = np.nan

    def retire_moved(self) -> None:
        """Take rows out of service whose card is alive in another row, at the end.

        The card was moved, or its MIG instances were laid out anew: not a lost GPU.
        """
        alive, fleet = self.present[-1], self.register.fleet
        for same in self.register.places.cards_with_many_rows():
            rows = [row for row in same if row < self.rows]
            if alive[rows].any():
                fleet.retire(row for row in rows if not alive[row])

    def widen(self) -> None:
        """Fix the size, rows of GPUs included that an XID alone has shown."""
        missing = len(self.register.fleet) - self.rows
        if missing > 0:
            gap = np.full((self.steps, missing), np.nan)
            self.sampled_at = np.concatenate([self.sampled_at, gap], axis=1)
            idle = np.full((self.steps, missing), -1)
            self.job_of = np.concatenate([self.job_of, idle], axis=1)
            self.known_rows = np.full(self.steps, len(self.register.fleet))
        nodes = len(self.register.fleet.nodes)
        self._base_units = np.zeros((self.steps, nodes), bool)

    def spread(self, block: Block) -> Matrix:
        """A block's values on the rows they speak for, float64[steps, rows]."""
        target = self.empty()
        series, rows = self.register.places.find(block.labels)
        inside = rows < self.rows
        scatter_max(target, rows[inside], block.values[:, series[inside]])
        return target

    def put(self, metric: Metric, pieces: Sequence[Piece]) -> None:
        """Make the metric's column from all the names it goes by, the first first.

        Of error counters that go by several names at once the largest counts.
        """
        if not pieces:
            return
        column = self.empty()
        for piece in pieces:
            values = self._clean(metric, piece)
            if metric.absence == "zero":
                column = np.fmax(column, values)
            else:
                column = np.where(np.isnan(column), values, column)
        self.columns[metric.name] = np.where(self.present, column, np.nan)

    def _clean(self, metric: Metric, piece: Piece) -> Matrix:
        """In our unit; blanks and impossible values absent, and counted."""
        blank = blanks(piece.raw, metric)
        raw = np.where(blank, np.nan, piece.raw)
        values = self._in_our_unit(raw, piece.source)
        wrong = impossible(values, metric)
        bad = blank | wrong
        self.drop(metric.name, bad.sum(axis=1))
        values = np.where(wrong, np.nan, values)
        if piece.proven is not None:
            values = np.where(np.isnan(values) & piece.proven & ~bad, 0.0, values)
        return values

    def _in_our_unit(self, raw: Matrix, source: SourceName) -> Matrix:
        if source.scale is not None:
            return raw if source.scale == 1.0 else scaled(raw, source.scale)
        return self.ratios.percent(source.name, raw, self.node_of, self._base_units)

    def drop(self, metric: str, counts: NDArray[np.int64]) -> None:
        """Count what was made absent, int64[steps]."""
        for step, count in enumerate(counts.tolist()):
            if count:
                self.dropped[step][metric] += count

    def note_base_units(self, raw: Matrix) -> None:
        """Take note which nodes export a name in base units (`*_HERTZ`)."""
        for step, seen in enumerate(~np.isnan(raw)):
            self._base_units[step, self.node_of[seen]] = True

    def snapshot(self, step: int) -> Snapshot:
        """The finished readings of one step."""
        rows = int(self.known_rows[step])
        fleet = self.register.fleet
        nowhere = np.zeros(self.rows, bool)
        counted = nowhere if self.xids_counted is None else self.xids_counted[step]
        known = nowhere if self.xids_known is None else self.xids_known[step].copy()
        xids = self.xids.at(step, counted)
        known[xids.row] = True
        return Snapshot(
            cluster=fleet.cluster,
            at=float(self.times[step]),
            fleet=fleet,
            columns={name: m[step, :rows] for name, m in self.columns.items()},
            sampled_at=self.sampled_at[step, :rows],
            node_columns={name: m[step] for name, m in self.node_columns.items()},
            xids=xids,
            xids_known=known[:rows],
            job_of=self.job_of[step, :rows],
            jobs=self.jobs,
            answers={name: each[step] for name, each in self.answers.items()},
            answer_labels={n: each[step] for n, each in self.answer_labels.items()},
            unread=dict(self.unread),
            dropped=dict(self.dropped[step]),
        )


def _by_first_sight(block: Block) -> Block:
    """Series in the order in which they begin (at one step: as they came)."""
    if len(block.values) == 1:
        return block
    order = (~np.isnan(block.values)).argmax(axis=0).argsort(kind="stable")
    return Block([block.labels[i] for i in order], block.values[:, order])
