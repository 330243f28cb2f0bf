"""What surrounds a subject in this cycle: its slot, its job, its peers."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from gpuwatch.incidents.employment import Employment
from gpuwatch.model.condition import Condition
from gpuwatch.model.fleet import Rows
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.incident import Member
from gpuwatch.model.snapshot import SOURCE, Snapshot

Place = tuple[str, str]
# While one of these is ill, a job that is not told may well go on.
_TELL_JOBS = frozenset({SOURCE, "slurm"})


class Scene:
    """One snapshot, asked about single subjects."""

    def __init__(self, snapshot: Snapshot, employment: Employment) -> None:
        self._now = snapshot
        self._fleet = snapshot.fleet
        self._employment = employment

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

    def jobs(self, subject: Subject) -> tuple[str, ...]:
        """The jobs of a GPU, or of a node's GPUs; of one that is gone, its last."""
        return self._employment.jobs(subject)

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

    def has_ended(self, job: str) -> bool:
        """Whether GPUs and jobs are seen, and this one is not among them."""
        told = not self._now.health.keys() & _TELL_JOBS
        return told and bool(self._now.present.any()) and job not in self._now.jobs

    def rows(self, subjects: Iterable[Subject]) -> set[int]:
        """The rows of all of them, those of a node one by one."""
        return {row for subject in subjects for row in self._rows(subject)}

    def waiting(self, job: str, culprits: Iterable[Subject]) -> int:
        """How many GPUs of the job are none of the culprits: they wait for them."""
        if not job:
            return 0
        return len(set(self.rows_of_job(job).tolist()) - self.rows(culprits))

    def is_whole_node(self, node: str, subjects: Iterable[Subject]) -> bool:
        """Whether every GPU in service on the node is meant, and it has several."""
        rows = self._fleet.rows_of_node(node)
        serving = set(rows[self._fleet.in_service[rows]].tolist())
        return len(serving) > 1 and serving <= self.rows(subjects)

    @cached_property
    def place_sizes(self) -> Mapping[Place, int]:
        """How many nodes share a place; one that everybody shares is none."""
        retired = self._fleet.retired_nodes
        nodes = [node for node in self._fleet.nodes if node not in retired]
        counts = Counter(
            place for node in nodes for place in self._now.places.get(node, {}).items()
        )
        return {place: n for place, n in counts.items() if 1 < n < len(nodes)}

    def places_of(self, node: str) -> Iterable[Place]:
        """What a node shares with some others: ("rack", "r12")."""
        own = self._now.places.get(node, {}).items()
        return [place for place in own if place in self.place_sizes]

    def gpus_of(self, place: Place) -> int:
        """How many GPUs a place has."""
        kind, name = place
        nodes = [n for n, own in self._now.places.items() if own.get(kind) == name]
        return sum(len(self._fleet.rows_of_node(node)) for node in nodes)

    def shared_place(self, nodes: Iterable[str]) -> str:
        """The smallest place that all of them share, as `rack r12`; else nothing."""
        first, *others = nodes
        shared = set(self.places_of(first))
        for node in others:
            shared &= set(self.places_of(node))
        if not shared:
            return ""
        kind, name = min(shared, key=lambda place: (self.place_sizes[place], place))
        return f"{kind} {name}"

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
