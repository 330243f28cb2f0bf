"""The fleet as people look at it: nodes as tiles, GPUs as cells, worst wins.

The fleet object is shared with the cycle's thread, which only appends to it; here
it is read through copies that are made in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpuwatch.engine.view import View
from gpuwatch.model.duration import say_duration
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident
from gpuwatch.model.snapshot import SOURCE

Place = tuple[str, str | None]
LOUDNESS = ("ok", "info", "unknown", "warning", "critical")
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Cell:
    """One GPU. `state`: ok, info, unknown, warning or critical; `why` says why.

    `seen`: a live series, recent enough to believe.
    """

    gpu: Gpu
    state: str
    why: str
    seen: bool
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class Tile:
    """One node with its cells; `incidents` are about the node itself."""

    node: str
    state: str
    why: str
    cells: tuple[Cell, ...]
    incidents: tuple[Incident, ...] = ()

    @property
    def all_incidents(self) -> tuple[Incident, ...]:
        """The node's own and its GPUs'."""
        return self.incidents + tuple(i for c in self.cells for i in c.incidents)


@dataclass(frozen=True)
class Picture:
    """One cluster; nodes in natural order, retired ones only counted."""

    cluster: str
    tiles: tuple[Tile, ...]
    retired_nodes: int = 0


def picture_of(
    view: View, rules: Iterable[str], now: float, patience_seconds: float
) -> Picture:
    """Draw a cluster as of now.

    Args:
        view: what is known of it.
        now: Unix seconds, by this machine's clock.
        rules: names of rules that judge single GPUs; if none of them could judge
            anybody, a present GPU is unknown too: green without eyes is a lie.
        patience_seconds: readings older than this are not believed.
    """
    if view.snapshot is None:
        return Picture(view.cluster, ())
    retired = frozenset(view.snapshot.fleet.retired_nodes)
    nodes = [n for n in list(view.snapshot.fleet.nodes) if n not in retired]
    brush = _Brush(view, _doubt(view, rules, now, patience_seconds))
    cells = brush.cells(retired)
    tiles = [brush.tile(node, cells.get(node, ())) for node in nodes]
    tiles.sort(key=lambda tile: natural(tile.node))
    return Picture(view.cluster, tuple(tiles), len(retired))


def _doubt(
    view: View, rules: Iterable[str], now: float, patience_seconds: float
) -> str:
    """Why even a GPU with readings is not known to be well; empty = no doubt."""
    if SOURCE in view.health:
        return "no data: the cluster cannot be read"
    age = now - max(view.heard_at, view.at)
    if age >= patience_seconds:
        return f"no data: the last reading is {say_duration(age)} old"
    if not any(view.coverage.known.get(name) for name in rules):
        return "no rule can judge it: metrics are missing"
    return ""


class _Brush:
    """What is the same for all cells of one cluster."""

    def __init__(self, view: View, doubt: str) -> None:
        self._doubt, self._at = doubt, incidents_by_place(view.incidents)
        snapshot = view.snapshot
        assert snapshot is not None  # noqa: S101  picture_of has looked
        self._gpus = snapshot.fleet.gpus[: snapshot.rows]
        self._retired = frozenset(snapshot.fleet.retired)
        self._present: Sequence[bool] = snapshot.present.tolist()

    def cells(self, retired_nodes: frozenset[str]) -> Mapping[str, list[Cell]]:
        """By node, in the order of the slots."""
        found: dict[str, list[Cell]] = {}
        for row, gpu in enumerate(self._gpus):
            if row not in self._retired and gpu.node not in retired_nodes:
                cell = self._cell(gpu, present=self._present[row])
                found.setdefault(gpu.node, []).append(cell)
        for cells in found.values():
            cells.sort(key=lambda c: (_slot(c.gpu), c.gpu.uuid, c.gpu.mig))
        return found

    def _cell(self, gpu: Gpu, *, present: bool) -> Cell:
        seen = present and not self._doubt
        why = "" if seen else self._doubt or "no data: no live series of this GPU"
        incidents = self._at.get((gpu.node, gpu.uuid), ())
        if incidents:
            told = incidents[0].summary + (f" ({why})" if why else "")
            return Cell(gpu, incidents[0].severity.word, told, seen, incidents)
        return Cell(gpu, "ok" if seen else "unknown", why or "nothing found", seen)

    def tile(self, node: str, cells: Sequence[Cell]) -> Tile:
        """The worst of the node's own incidents and of its cells."""
        own = self._at.get((node, None), ())
        if own:
            return Tile(node, own[0].severity.word, own[0].summary, tuple(cells), own)
        if not cells:
            return Tile(node, "unknown", "no GPU seen on it", ())
        worst = max(cells, key=lambda cell: LOUDNESS.index(cell.state))
        count = sum(cell.state == worst.state for cell in cells)
        why = f"{count} of {len(cells)} GPUs: {worst.why}"
        return Tile(node, worst.state, why, tuple(cells))


def incidents_by_place(
    incidents: Iterable[Incident],
) -> Mapping[Place, tuple[Incident, ...]]:
    """Open ones by (node, UUID), worst first; UUID None: about the node itself."""
    found: dict[Place, list[Incident]] = {}
    for incident in worst_first(i for i in incidents if i.open):
        for member in incident.members:
            found.setdefault((member.node, member.uuid), []).append(incident)
    return {place: tuple(there) for place, there in found.items()}


def worst_first(incidents: Iterable[Incident]) -> list[Incident]:
    """By severity; then those nobody has in hand; then the oldest."""
    return sorted(
        incidents,
        key=lambda i: (
            -i.severity,
            i.ack is not None or i.silenced_by is not None,
            i.started_at,
            i.id,
        ),
    )


def natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which node-9 comes before node-10."""
    parts = _DIGITS.split(name)
    return [(1, int(p[:300]), p) if i % 2 else (0, 0, p) for i, p in enumerate(parts)]


def _slot(gpu: Gpu) -> float:
    return np.inf if gpu.index is None else gpu.index
