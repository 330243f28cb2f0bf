"""Readings as columns: one float64 array a metric, one row a GPU, NaN for absent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Subject

Column = NDArray[np.float64]
Mask = NDArray[np.bool_]
Answer = Mapping[Subject, float] | None
Series = Mapping[str, str]
SOURCE = "prometheus"


@dataclass(frozen=True)
class Xids:
    """The XIDs on show, one entry a (GPU row, code).

    `count` is the exporter's own windowed count (DCGM_EXP_XID_ERRORS_COUNT), NaN
    where only the sticky gauge (the last code) is exported.
    """

    row: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    code: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    count: Column = field(default_factory=lambda: np.empty(0, np.float64))


@dataclass(frozen=True)
class Snapshot:
    """All readings of one cluster at one evaluation time `at` (Unix seconds).

    Args:
        columns: GPU metrics, float64[rows]; a metric that nobody exports is not a key.
        node_columns: node metrics, float64[nodes].
        sampled_at: when each GPU's newest sample was scraped, float64[rows];
            NaN: the GPU has no live series.
        xids_known: rows whose exporter shows XIDs at all (so no entry = none).
        job_of: index into `jobs` for each row, -1 = no job known.
        job_source: where `job_of` is from (`labels`, `slurm`, `expr`, `file`), "" = no
            jobs are known.
        throughput: work done a second by job (`jobs.throughput_expr`, for example
            tokens/s); a job that is not listed is not known. "" = the series named
            no job (model/throughput.py says whose it is).
        throughput_unit: its unit, for people.
        places: what each node shares with others, by node: {"rack": "r12"}.
        answers: custom PromQL by rule name; None = the query failed.
        answer_labels: by the same name the labels of the series that answered for
            each subject; of several the one with the largest value.
        unread: what could not be read and why, by metric or query name.
        dropped: sentinels and impossible values made absent, by metric.
        health: what is wrong with gpuwatch itself, by part (`prometheus`, `store`,
            `delivery slack`), in words; empty when all is well.
    """

    cluster: str
    at: float
    fleet: Fleet
    columns: Mapping[str, Column]
    sampled_at: Column
    node_columns: Mapping[str, Column] = field(default_factory=dict)
    xids: Xids = field(default_factory=Xids)
    xids_known: Mask | None = None
    job_of: NDArray[np.int64] | None = None
    jobs: tuple[str, ...] = ()
    job_source: str = ""
    throughput: Mapping[str, float] = field(default_factory=dict)
    throughput_unit: str = ""
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    answer_labels: Mapping[str, Mapping[Subject, Series]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    health: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def blind(cls, fleet: Fleet, at: float, reason: str) -> Snapshot:
        """What is seen when the source cannot be read at all: nothing, and why."""
        return cls(
            cluster=fleet.cluster,
            at=at,
            fleet=fleet,
            columns={},
            sampled_at=absent(len(fleet)),
            health={SOURCE: reason},
        )

    @property
    def rows(self) -> int:
        """How many GPU rows the columns have."""
        return len(self.sampled_at)

    @property
    def present(self) -> Mask:
        """GPUs with a live series, bool[rows]."""
        return ~np.isnan(self.sampled_at)

    def column(self, metric: str) -> Column:
        """The metric's column; all NaN where it was not read."""
        found = self.columns.get(metric)
        return absent(self.rows) if found is None else found

    def node_column(self, metric: str) -> Column:
        """The node metric's column; all NaN where it was not read."""
        found = self.node_columns.get(metric)
        return absent(len(self.fleet.nodes)) if found is None else found

    def job(self, row: int) -> str:
        """The job that a GPU row works for, or nothing."""
        if self.job_of is None or self.job_of[row] < 0:
            return ""
        return self.jobs[int(self.job_of[row])]


def absent(rows: int) -> Column:
    """A column in which nothing is known."""
    return np.full(rows, np.nan)


def fitted(column: Column, rows: int) -> Column:
    """The column grown to `rows`; rows that came later are absent in it."""
    if len(column) >= rows:
        return column
    return np.concatenate([column, absent(rows - len(column))])
