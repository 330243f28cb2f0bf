"""What surrounds a subject in this cycle: its slot, its job, its peers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

from gpuwatch.model.condition import Condition
from gpuwatch.model.fleet import Rows
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.incident import Member
from gpuwatch.model.snapshot import Snapshot

BUSY_PERCENT = 10.0


class Scene:
    """One snapshot, asked about single subjects."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._now = snapshot
        self._fleet = snapshot.fleet

    def gpu(self, subject: Subject) -> Gpu | None:
        """The device that a GPU subject names."""
        row = self._fleet.row_of(subject) if subject.uuid else None
        return None if row is None else self._fleet.gpus[row]

    def member(self, subject: Subject) -> Member | None:
        """The subject as an incident's member; jobs and clusters have none."""
        gpu = self.gpu(subject)
        if gpu is not None:
            return Member(gpu.node, gpu.index, gpu.uuid)
        return Member(subject.node) if subject.node else None

    def job(self, subject: Subject) -> str:
        """The job that runs on the subject now."""
        if subject.job:
            return subject.job
        jobs = [job for row in self._rows(subject) if (job := self._now.job(int(row)))]
        return jobs[0] if jobs else ""

    def _rows(self, subject: Subject) -> Iterable[int]:
        if subject.uuid:
            row = self._fleet.row_of(subject)
            inside = row is not None and row < self._now.rows
            return [row] if inside and row is not None else []
        return self._fleet.rows_of_node(subject.node) if subject.node else []

    def rows_of_job(self, job: str) -> Rows:
        """Rows that work for a job and are alive."""
        if self._now.job_of is None or job not in self._now.jobs:
            return np.empty(0, np.int64)
        number = self._now.jobs.index(job)
        return np.flatnonzero((self._now.job_of == number) & self._now.present)

    def waiting(self, job: str, culprits: Iterable[Subject]) -> int:
        """How many GPUs of the job are none of the culprits: they wait for them."""
        if not job:
            return 0
        guilty = {row for subject in culprits for row in self._rows(subject)}
        return len(set(self.rows_of_job(job).tolist()) - guilty)

    def peers(self, condition: Condition, job: str) -> Mapping[str, float]:
        """Medians of the condition's readings over its job, else over its node."""
        subject = condition.subject
        rows = self.rows_of_job(job) if job else self._fleet.rows_of_node(subject.node)
        own = self._fleet.row_of(subject) if subject.uuid else None
        others = rows[(rows != own) & (rows < self._now.rows)]
        if own is None or len(others) == 0:
            return {}
        found = {name: self._median(name, others) for name in condition.evidence}
        return {name: value for name, value in found.items() if not np.isnan(value)}

    def _median(self, name: str, rows: Rows) -> float:
        column = self._now.columns.get(name)
        if column is None:
            return float("nan")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(np.nanmedian(column[rows]))
