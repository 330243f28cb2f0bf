"""A fleet of an engine's own, that follows the one its readings come with."""

from __future__ import annotations

from dataclasses import replace

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Mask, Snapshot
from gpuwatch.sources.places import Places


class Mirror:
    """Each snapshot as the daemon would have had it at that time.

    A source reads ahead, so its fleet already holds what comes later; and where two
    engines judge one reading, what one of them retires is not retired for the other.
    """

    def __init__(self, cluster: str) -> None:
        self.fleet = Fleet(cluster)
        self._places = Places()
        self._theirs: list[Gpu] = []

    def own(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot on the own fleet, with the rows and nodes known by then."""
        self._follow(snapshot)
        self.fleet.welcome(snapshot.present.nonzero()[0].tolist())
        self._retire_moved(snapshot.present)
        nodes = len(self.fleet.nodes)
        columns = {name: c[:nodes] for name, c in snapshot.node_columns.items()}
        return replace(snapshot, fleet=self.fleet, node_columns=columns)

    def _follow(self, snapshot: Snapshot) -> None:
        theirs, mine, rows = snapshot.fleet, self.fleet, snapshot.rows
        known = len(theirs.nodes) if rows == len(theirs) else _nodes_of(theirs, rows)
        if self._theirs == theirs.gpus[:rows] and len(mine.nodes) == known:
            return
        self._theirs = theirs.gpus[:rows]
        for node in theirs.nodes[len(mine.nodes) : known]:
            mine.add_node(node)
        for gpu in self._theirs:
            mine.add(gpu)
        mine.instances = dict(theirs.instances)
        self._places.follow(mine)

    def _retire_moved(self, present: Mask) -> None:
        """A card that is alive in another row was moved; it is not lost."""
        for rows in self._places.cards_with_many_rows():
            if present[list(rows)].any():
                self.fleet.retire(row for row in rows if not present[row])


def _nodes_of(fleet: Fleet, rows: int) -> int:
    return int(fleet.node_of[:rows].max(initial=-1)) + 1
