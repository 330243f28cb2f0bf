"""Who works for which job: labels first, then whoever else is asked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import JobSettings, TopologySettings
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.ascribed import NOBODY, Ascribed, ascribed
from gpuwatch.sources.jobs.finder import NodeIndex
from gpuwatch.sources.jobs.node_file import (
    JOBS_REMEDY,
    PLACES_REMEDY,
    Places,
    WatchedFile,
    jobs_in,
    places_in,
)
from gpuwatch.sources.jobs.roster import Roster
from gpuwatch.sources.jobs.told import Questions, Told
from gpuwatch.sources.slurm.listener import Heard, Listener
from gpuwatch.sources.slurm.queue import SlurmQueue

LABELS, SLURM, EXPR, FILE, NONE = "labels", "slurm", "expr", "file", "none"
AUTO = "auto"


class JobKnowledge:
    """Completes snapshots of one cluster with jobs, throughput and topology.

    ConfigError when a file cannot be used. Slurm is asked from the first live snapshot
    on, in a thread that `close` ends; of the past it knows nothing.
    """

    def __init__(
        self, jobs: JobSettings, topology: TopologySettings, naming: Naming
    ) -> None:
        self._jobs, self._naming = jobs, naming
        self._file = (
            WatchedFile("jobs.file", jobs.file, jobs_in, JOBS_REMEDY)
            if jobs.file and self._may(FILE)
            else None
        )
        self._topology = (
            WatchedFile("topology.file", topology.file, places_in, PLACES_REMEDY)
            if topology.file
            else None
        )
        self._place_labels = topology.labels
        self._slurm: Listener | None = None
        self._indexed: tuple[Fleet, int, int, NodeIndex] | None = None
        self._last: tuple[Roster, int, Ascribed] | None = None

    def _may(self, source: str) -> bool:
        return self._jobs.source in (AUTO, source)

    @property
    def questions(self) -> Questions:
        """What a metrics server is to be asked."""
        jobs = self._jobs
        return Questions(
            pairs_expr=(jobs.expr or "") if self._may(EXPR) else "",
            node_label=jobs.node_label or "",
            job_labels=jobs.job_label,
            throughput_expr=jobs.throughput_expr or "",
            place_labels=self._place_labels,
        )

    def completed(self, snapshot: Snapshot, told: Told, *, live: bool) -> Snapshot:
        """The snapshot with all that is known; `live`: of now, not of the past."""
        heard = self._heard() if live else Heard()
        file, trouble = self._file.current() if self._file else (None, "")
        known = {SLURM: heard.roster, EXPR: told.roster, FILE: file}
        source, roster = next(
            (pair for pair in known.items() if pair[1] and self._may(pair[0])),
            ("", None),
        )
        snapshot = self._with_jobs(snapshot, source, roster)
        places, torn = self._places(snapshot, told)
        troubles = {"jobs.file": trouble, "topology.file": torn}
        return replace(
            snapshot,
            throughput=_by_known_names(told.throughput, snapshot.jobs, roster),
            throughput_unit=self._jobs.throughput_unit,
            places=places,
            health={**snapshot.health, **self._ills(heard)},
            unread={**snapshot.unread, **{k: v for k, v in troubles.items() if v}},
        )

    def _heard(self) -> Heard:
        """Slurm, where it is to be asked and can be."""
        if self._slurm is None:
            if not self._asks_slurm:
                return Heard()
            settings = self._jobs.slurm
            queue = SlurmQueue(settings)
            self._slurm = Listener(queue.ask, settings.interval, settings.timeout)
        return self._slurm.heard()

    @property
    def _asks_slurm(self) -> bool:
        if self._jobs.source == AUTO:
            return shutil.which(self._jobs.slurm.command) is not None
        return self._jobs.source == SLURM

    def _ills(self, heard: Heard) -> Mapping[str, str]:
        """Only what is expected to answer is missed when it does not."""
        expected = self._jobs.source == SLURM or heard.ever
        return {SLURM: heard.words} if heard.words and expected else {}

    def _with_jobs(
        self, snapshot: Snapshot, source: str, roster: Roster | None
    ) -> Snapshot:
        if self._jobs.source == NONE:
            return replace(snapshot, job_of=None, jobs=(), job_source="")
        labelled = snapshot.job_of if self._may(LABELS) else None
        jobs = snapshot.jobs if labelled is not None else ()
        job_of = np.full(snapshot.rows, NOBODY) if labelled is None else labelled
        by_label = int((job_of >= 0).sum())
        if roster is not None:
            found = self._ascribed(roster, snapshot)
            names = [_known_as(name, jobs, roster) for name in found.jobs]
            number = {name: place for place, name in enumerate(jobs)}
            mapped = [number.setdefault(name, len(number)) for name in names]
            theirs = np.array([*mapped, NOBODY], np.int64)[found.job_of]
            job_of, jobs = np.where(job_of >= 0, job_of, theirs), tuple(number)
        others = int((job_of >= 0).sum()) - by_label
        told_by = LABELS if by_label and by_label >= others else source
        return replace(snapshot, job_of=job_of, jobs=jobs, job_source=told_by)

    def _ascribed(self, roster: Roster, snapshot: Snapshot) -> Ascribed:
        """Worked out anew only for a new roster, or new rows."""
        last, rows = self._last, snapshot.rows
        index = self._index(snapshot.fleet)
        if last is None or last[0] is not roster or last[1] != rows:
            found = ascribed(roster, snapshot.fleet, rows, index)
            last = self._last = (roster, rows, found)
        return last[2]

    def _index(self, fleet: Fleet) -> NodeIndex:
        last = self._indexed
        size = (len(fleet.nodes), len(fleet.instances))
        if last is None or last[0] is not fleet or (last[1], last[2]) != size:
            last = self._indexed = (fleet, *size, NodeIndex(fleet, self._naming))
            self._last = None
        return last[3]

    def _places(self, snapshot: Snapshot, told: Told) -> tuple[Places, str]:
        """By labels, and by the file, which wins."""
        if self._topology is None:
            return told.places, ""
        filed, trouble = self._topology.current()
        places = {node: dict(kinds) for node, kinds in told.places.items()}
        index, nodes = self._index(snapshot.fleet), snapshot.fleet.nodes
        for name, kinds in filed.items():
            row = index.row(name)
            if row >= 0:
                places.setdefault(nodes[row], {}).update(kinds)
        return places, trouble

    def close(self) -> None:
        """End the thread that asks Slurm."""
        if self._slurm is not None:
            self._slurm.close()


def _known_as(name: str, labelled: tuple[str, ...], roster: Roster) -> str:
    """A job that labels name too goes by its label's name: the number of the task."""
    if name in labelled:
        return name
    others = roster.other_numbers.get(name, ())
    return next((one for one in others if one in labelled), name)


def _by_known_names(
    throughput: Mapping[str, float], jobs: tuple[str, ...], roster: Roster | None
) -> Mapping[str, float]:
    """Series that call a job by another of its names are its series too."""
    if roster is None:
        return throughput
    found = {}
    for name, value in throughput.items():
        own = name if name in roster.jobs else ""
        other = own or roster.numbers.get(name) or roster.names.get(name)
        known = other is not None and name not in jobs
        found[_known_as(other, jobs, roster) if known and other else name] = value
    return found
