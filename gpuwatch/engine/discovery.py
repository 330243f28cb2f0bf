"""Nodes that are no target any more: taken out of service after a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot, fitted

UNLISTED_SECONDS = 86_400.0
MOST_SHARE = 0.20
FACT = "unlisted_since"


def unlisted_since(snapshot: Snapshot, before: Mapping[str, float]) -> dict[str, float]:
    """Nodes without any target or series, and since when.

    Nobody is unlisted when no exporter is known at all: then gpuwatch is blind.
    """
    fleet = snapshot.fleet
    nodes = len(fleet.nodes)
    listed = ~np.isnan(fitted(snapshot.node_column("exporter_up"), nodes))
    if not listed.any():
        return dict(before)
    listed |= ~np.isnan(fitted(snapshot.node_column("node_exporter_up"), nodes))
    listed[fleet.node_of[: snapshot.rows][snapshot.present]] = True
    gone = [node for node, there in zip(fleet.nodes, listed, strict=True) if not there]
    active = [node for node in gone if node not in fleet.retired_nodes]
    return {node: before.get(node, snapshot.at) for node in active}


def to_retire(
    snapshot: Snapshot, since: Mapping[str, float], rules: Iterable[Rule]
) -> list[str]:
    """Nodes gone from discovery for a day, and on nobody's list of expected ones.

    A discovery that lost a fifth of the fleet is broken, and retires nobody.
    """
    in_service = len(snapshot.fleet.nodes) - len(snapshot.fleet.retired_nodes)
    if len(since) > MOST_SHARE * in_service:
        return []
    expecting = list(rules)
    return [
        node
        for node, at in since.items()
        if snapshot.at - at >= UNLISTED_SECONDS
        and not any(rule.expects(node) for rule in expecting)
    ]
