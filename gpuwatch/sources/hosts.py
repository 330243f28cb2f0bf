"""Node columns: whether its exporters answer, and when it booted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from gpuwatch.model.fleet import Fleet
from gpuwatch.sources.blocks import Block, Labels, Matrix, scatter_max
from gpuwatch.sources.identity import host_of
from gpuwatch.sources.register import Register

Target = tuple[str, str]


def target_of(labels: Labels) -> Target:
    """Prometheus's own name for what it scraped."""
    return labels.get("job", ""), labels.get("instance", "")


class NodeFinder:
    """Finds the known node that a series of another exporter speaks of.

    Tried in turn: the node labels, what `targets` remembers of its scrape target,
    the host part of its instance; a host name also matches by its first part, if
    only one node has it.
    """

    def __init__(self, register: Register, targets: Mapping[Target, str]) -> None:
        self._register, self._targets = register, targets
        self._fleet: Fleet = register.fleet
        self._short = _short_names(self._fleet)
        self._host_of_node = _hosts(self._fleet)

    def row(self, labels: Labels) -> int:
        """The node's row, or -1."""
        for name in self._names(labels):
            row = self._fleet.node_row(name)
            if row is not None:
                return row
        return -1

    def _names(self, labels: Labels) -> list[str]:
        remembered = self._targets.get(target_of(labels), "")
        host = host_of(labels.get("instance", ""))
        own = self._register.node(labels)
        found = [remembered, own, labels.get("nodename", ""), host]
        found.append(self._host_of_node.get(host, ""))
        found += [self._short.get(name.partition(".")[0], "") for name in (own, host)]
        return [name for name in found if name]

    def column(self, block: Block) -> Matrix:
        """A block's values on the nodes, float64[steps, nodes]; the largest wins."""
        rows = np.array([self.row(one) for one in block.labels], np.int64)
        target = np.full((len(block.values), len(self._fleet.nodes)), np.nan)
        known = rows >= 0
        scatter_max(target, rows[known], block.values[:, known])
        return target


def _short_names(fleet: Fleet) -> dict[str, str]:
    named: defaultdict[str, list[str]] = defaultdict(list)
    for node in fleet.nodes:
        named[node.partition(".")[0]].append(node)
    return {short: nodes[0] for short, nodes in named.items() if len(nodes) == 1}


def _hosts(fleet: Fleet) -> dict[str, str]:
    """The node behind each exporter's host, where one host is one node."""
    named: defaultdict[str, set[str]] = defaultdict(set)
    for instance, node in fleet.instances.items():
        named[host_of(instance)].add(node)
    return {host: min(nodes) for host, nodes in named.items() if len(nodes) == 1}


def targets_of(block: Block, finder: NodeFinder, fleet: Fleet) -> dict[Target, str]:
    """Which node each target of a block stands for."""
    found = {target_of(one): finder.row(one) for one in block.labels}
    return {t: fleet.nodes[row] for t, row in found.items() if row >= 0 and t[1]}
