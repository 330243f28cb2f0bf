"""Who worked for which job, also when a GPU is no longer there to say it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.identity import Subject
from gpuwatch.model.snapshot import Snapshot

NONE = -1


class Employment:
    """The last known job of every row; a GPU that vanished still belongs to its own.

    A row that is there and works for no job has none, whatever it had before.
    """

    def __init__(self) -> None:
        self._jobs: tuple[str, ...] = ()
        self._job_of: NDArray[np.int64] = np.empty(0, np.int64)
        self._snapshot: Snapshot | None = None

    def take(self, snapshot: Snapshot) -> None:
        """Take up a reading; it is no decision, so it needs no commit."""
        rows = snapshot.rows
        before = np.full(rows, NONE)
        known = min(rows, len(self._job_of))
        before[:known] = self._job_of[:known]
        now = np.full(rows, NONE) if snapshot.job_of is None else snapshot.job_of
        lost = (now < 0) & ~snapshot.present & (before >= 0)
        number = {job: place for place, job in enumerate(snapshot.jobs)}
        renamed = np.full(len(self._jobs) + 1, NONE)
        for old in np.unique(before[lost]).tolist():
            renamed[old] = number.setdefault(self._jobs[old], len(number))
        self._job_of = np.where(lost, renamed[before], now)
        self._jobs = tuple(number)
        self._snapshot = snapshot

    def jobs(self, subject: Subject) -> tuple[str, ...]:
        """The jobs that a GPU, or the GPUs of a node, work or worked for."""
        if not self._jobs or self._snapshot is None or not subject.node:
            return ()
        fleet = self._snapshot.fleet
        if subject.uuid:
            row = fleet.row_of(subject)
            numbers = [] if row is None else self._job_of[row : row + 1].tolist()
        else:
            rows = fleet.rows_of_node(subject.node)
            numbers = np.unique(self._job_of[rows[rows < len(self._job_of)]]).tolist()
        return tuple(self._jobs[number] for number in numbers if number >= 0)
