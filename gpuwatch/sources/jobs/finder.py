"""From the name by which a scheduler knows a node to its row in the fleet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from gpuwatch.model.fleet import Fleet
from gpuwatch.sources.identity import Naming, host_of, is_address


class NodeIndex:
    """Finds a node by its name, its renamed name, its address or its short name.

    A short name (the part before the first dot) counts where only one node has it.
    """

    def __init__(self, fleet: Fleet, naming: Naming) -> None:
        self._fleet, self._naming = fleet, naming
        self._lower = _unique((n.lower(), n) for n in fleet.nodes)
        self._short = _unique((_short(n), n) for n in fleet.nodes)
        self._hosts = _unique((host_of(i), n) for i, n in fleet.instances.items())

    def row(self, name: str) -> int:
        """The node's row, or -1."""
        for candidate in self._candidates(name):
            row = self._fleet.node_row(candidate)
            if row is not None:
                return row
        return -1

    def _candidates(self, name: str) -> Iterable[str]:
        renamed = self._naming.renamed(name)
        yield from (renamed, name)
        yield from (self._lower.get(one.lower(), "") for one in (renamed, name))
        yield self._hosts.get(name, "")
        yield from (self._short.get(_short(one), "") for one in (renamed, name))


def _short(name: str) -> str:
    return name if is_address(name) else name.partition(".")[0].lower()


def _unique(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    named: defaultdict[str, set[str]] = defaultdict(set)
    for key, node in pairs:
        named[key].add(node)
    return {key: min(nodes) for key, nodes in named.items() if len(nodes) == 1}
