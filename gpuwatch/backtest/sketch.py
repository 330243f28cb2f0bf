"""One incident's chart while history goes by: a step at a time, then the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpuwatch.backtest.chart import QUANTITIES, Chart, Lines, Panel, Quantity
from gpuwatch.incidents.plight import say_job
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.load import BUSY_PERCENT
from gpuwatch.model.snapshot import Column, Mask, Snapshot

BUSY = "utilization_percent"
MOST_LINES = 8
FEWEST_PEERS = 3
MOST_PEERS = 2000
PERCENTILES = (10.0, 50.0, 90.0)
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Excerpt:
    """The times for which an incident is drawn: from `start`, every `step`, to `end`.

    Unix seconds and seconds; `began` is where the incident itself is first seen.
    """

    incident: Incident
    start: float
    end: float
    step: float

    @property
    def began(self) -> float:
        """Its first bad reading, or the first reading at all."""
        return max(self.incident.started_at, self.start)

    def holds(self, at: float) -> bool:
        """Whether a reading is one of its own."""
        return self.start - 0.5 <= at <= self.end + 0.5


@dataclass(frozen=True)
class Peers:
    """One way to choose peers: at every step their percentiles, and how many at most.

    `bands`: float64[quantities, 3] a step.
    """

    bands: list[Lines]
    words: str = ""
    most: int = 0

    def taken(self, rows: Rows, snapshot: Snapshot, words: str) -> Peers:
        """One step later."""
        few = rows[:: len(rows) // MOST_PEERS + 1]
        values = [snapshot.column(quantity.metric)[few] for quantity in QUANTITIES]
        self.bands.append(percentiles(np.stack(values)))
        return replace(self, words=words or self.words, most=max(self.most, len(rows)))

    @property
    def known(self) -> Mask:
        """Whether any quantity is known, bool[steps]."""
        return np.array([not np.isnan(band).all() for band in self.bands], bool)


class Sketch:
    """Grows by `take`; peers are its job, else the busy of its model, else its node."""

    def __init__(self, excerpt: Excerpt) -> None:
        self.excerpt = excerpt
        self._at: list[float] = []
        self._seen: list[tuple[Rows, list[Column]]] = []
        self._peers = [Peers([]) for _ in range(3)]
        self._unread: dict[str, str] = {}
        self._fleet: Fleet | None = None
        self._known_rows = -1
        self._rows: Rows = np.empty(0, np.int64)
        self._model, self._alike = "", np.empty(0, bool)
        self._job = ""

    def take(self, snapshot: Snapshot) -> None:
        """One step of history."""
        rows = self._members(snapshot)
        columns = [snapshot.column(q.metric)[rows] for q in QUANTITIES]
        self._at.append(snapshot.at)
        self._seen.append((rows, columns))
        self._unread.update(snapshot.unread)
        others = np.ones(snapshot.rows, bool)
        others[rows] = False
        chosen = (
            self._of_job(snapshot, rows),
            self._of_model(snapshot),
            _of_node(snapshot, rows),
        )
        self._peers = [
            peers.taken(np.flatnonzero(mask & others), snapshot, words)
            for peers, (mask, words) in zip(self._peers, chosen, strict=True)
        ]

    def _members(self, snapshot: Snapshot) -> Rows:
        """The incident's rows that the snapshot has."""
        self._fleet = snapshot.fleet
        if self._known_rows != len(snapshot.fleet):
            self._known_rows = len(snapshot.fleet)
            self._rows = rows_of(snapshot.fleet, self.excerpt.incident.members)
            self._model, self._alike = _model_of(snapshot.fleet, self._rows)
        return self._rows[self._rows < snapshot.rows]

    def _of_job(self, snapshot: Snapshot, rows: Rows) -> tuple[Mask, str]:
        """Everybody in the incident's job; where it names none, in its first GPU's.

        A GPU that falls silent leaves its job; its peers are still those it had.
        """
        named = self.excerpt.incident.job
        if named in snapshot.jobs:
            self._job = named
        elif len(rows):
            self._job = snapshot.job(int(rows[0])) or self._job
        if snapshot.job_of is None or self._job not in snapshot.jobs:
            return np.zeros(snapshot.rows, bool), ""
        mask: Mask = snapshot.job_of == snapshot.jobs.index(self._job)
        return mask, f"GPUs of {say_job(self._job)}"

    def _of_model(self, snapshot: Snapshot) -> tuple[Mask, str]:
        """Everybody of the first GPU's model that is busy."""
        busy = snapshot.column(BUSY) >= BUSY_PERCENT
        mask: Mask = busy & self._alike[: snapshot.rows]
        return mask, f"busy {self._model or 'GPUs'}"

    def chart(self) -> Chart:
        """All that was taken; leading steps in which nothing was known are cut off."""
        if not self._at:
            return unreadable(self.excerpt, "no reading in that time")
        drawn = self._rows[:MOST_LINES].tolist()
        peers = self._best()
        bands = np.array(peers.bands).swapaxes(0, 1)
        lines = self._lines(drawn)
        first = _first_known([*lines, *(band.T for band in bands)])
        panels = [
            self._panel(q, line[:, first:], band[first:])
            for q, line, band in zip(QUANTITIES, lines, bands, strict=True)
        ]
        gpus = [] if self._fleet is None else [self._fleet.gpus[row] for row in drawn]
        count = f"{peers.most:,} ".replace(",", " ") if peers.words else ""
        return _chart(
            self.excerpt,
            np.array(self._at[first:]),
            tuple(panels),
            gpus=tuple(named(gpu) for gpu in gpus),
            left_out=len(self._rows) - len(drawn),
            peers=count + peers.words,
        )

    def _best(self) -> Peers:
        """The first choice that is known in half of the incident's own steps."""
        inside = np.array(self._at) >= self.excerpt.began
        shares = [p.known[inside].mean() if inside.any() else 0 for p in self._peers]
        for peers, share in zip(self._peers, shares, strict=True):
            if share >= 0.5:
                return peers
        if not any(shares):
            return replace(self._peers[0], words="")
        return self._peers[int(np.argmax(shares))]

    def _lines(self, drawn: list[int]) -> list[Lines]:
        """float64[gpus, steps] a quantity."""
        places = {row: place for place, row in enumerate(drawn)}
        found = [np.full((len(drawn), len(self._at)), np.nan) for _ in QUANTITIES]
        for step, (rows, columns) in enumerate(self._seen):
            inside = [i for i, row in enumerate(rows.tolist()) if row in places]
            target = [places[int(rows[i])] for i in inside]
            for lines, column in zip(found, columns, strict=True):
                lines[target, step] = column[inside]
        return found

    def _panel(self, quantity: Quantity, lines: Lines, band: Lines) -> Panel:
        panel = Panel(quantity, lines, band[:, 0], band[:, 1], band[:, 2])
        if panel.known:
            return panel
        why = self._unread.get(quantity.metric)
        return replace(panel, missing=f"not read: {why}" if why else quantity.nobody)


def unreadable(excerpt: Excerpt, reason: str) -> Chart:
    """The chart of an incident whose history cannot be read again."""
    nothing = np.empty(0)
    panels = [
        Panel(q, np.empty((0, 0)), nothing, nothing, nothing, f"not read: {reason}")
        for q in QUANTITIES
    ]
    return _chart(excerpt, nothing, tuple(panels), gpus=(), left_out=0, peers="")


def _chart(
    excerpt: Excerpt,
    at: Column,
    panels: tuple[Panel, ...],
    *,
    gpus: tuple[str, ...],
    left_out: int,
    peers: str,
) -> Chart:
    incident = excerpt.incident
    return Chart(
        incident_id=incident.id,
        at=at,
        step_seconds=excerpt.step,
        panels=panels,
        gpus=gpus,
        left_out=left_out,
        peers=peers,
        started_at=incident.started_at,
        detected_at=incident.detected_at,
        resolved_at=incident.resolved_at,
    )


def named(gpu: Gpu) -> str:
    """`node-17 GPU 3`; without a slot the beginning of its UUID."""
    slot = gpu.uuid[:12] if gpu.index is None else f"GPU {gpu.index}"
    part = f" {gpu.mig}" if gpu.mig else ""
    return f"{gpu.node} {slot}{part}"


def rows_of(fleet: Fleet, members: tuple[Member, ...]) -> Rows:
    """The rows of an incident's members; of a node all of its GPUs."""
    found: dict[int, None] = {}
    for member in members:
        for row in fleet.rows_of_node(member.node).tolist():
            if member.uuid in {None, fleet.gpus[row].uuid}:
                found[row] = None
    return np.array(list(found), np.int64)


def _model_of(fleet: Fleet, rows: Rows) -> tuple[str, Mask]:
    """The first GPU's model, and who else is of it; without a GPU everybody is."""
    if not len(rows):
        return "", np.ones(len(fleet), bool)
    model = fleet.gpus[int(rows[0])].model
    return model, np.array([gpu.model == model for gpu in fleet.gpus], bool)


def _of_node(snapshot: Snapshot, rows: Rows) -> tuple[Mask, str]:
    nobody = np.zeros(snapshot.rows, bool)
    if not len(rows):
        return nobody, ""
    node_of = snapshot.fleet.node_of[: snapshot.rows]
    mask: Mask = node_of == node_of[int(rows[0])]
    return mask, "other GPUs of the node"


def percentiles(values: Lines) -> Lines:
    """Of float64[quantities, peers] the three, float64[quantities, 3].

    NaN where fewer than `FEWEST_PEERS` are known. Ten times quicker for a few peers
    than numpy's, which is called thousands of times a report.
    """
    if values.shape[1] < FEWEST_PEERS:
        return np.full((len(values), len(PERCENTILES)), np.nan)
    ordered = np.sort(values, axis=1)
    last = values.shape[1] - 1 - np.isnan(values).sum(axis=1, keepdims=True)
    place = np.maximum(last, 0) * np.array(PERCENTILES) / 100
    below = place.astype(np.int64)
    above = np.minimum(below + 1, np.maximum(last, 0))
    low = np.take_along_axis(ordered, below, axis=1)
    high = np.take_along_axis(ordered, above, axis=1)
    found = low + (high - low) * (place - below)
    return np.where(last + 1 >= FEWEST_PEERS, found, np.nan)


def _first_known(parts: Sequence[Lines]) -> int:
    """The first step in which anything is known; 0 if nothing ever is."""
    known = ~np.isnan(np.concatenate(parts))
    return int(known.any(axis=0).argmax())
