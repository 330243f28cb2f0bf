"""A node among the others of its model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column

FEWEST_NODES = 6
ODD_SHARE = 0.1


def code_of_node(
    code: NDArray[np.int64], node_of: NDArray[np.int64], nodes: int
) -> NDArray[np.int64]:
    """The model of each node, int64[nodes], by its last GPU; -1 without any."""
    found = np.full(nodes, -1, np.int64)
    found[node_of] = code
    return found


def above_others(values: Column, codes: NDArray[np.int64]) -> Column:
    """By how much each node is above the hottest ordinary one of its model.

    The hottest tenth, at least one, may be out of order; of those not more than a tenth
    can be above. NaN with fewer than six nodes.
    """
    found = np.full(len(values), np.nan)
    for code in np.unique(codes[codes >= 0]):
        nodes = np.flatnonzero((codes == code) & ~np.isnan(values))
        if len(nodes) < FEWEST_NODES:
            continue
        odd = max(1, int(len(nodes) * ODD_SHARE))
        ordinary = np.sort(values[nodes])[-1 - odd]
        found[nodes] = values[nodes] - ordinary
    return found


def against_usual(values: Column, codes: NDArray[np.int64]) -> Column:
    """Each node less the median of its model's; NaN with fewer than six nodes."""
    found = np.full(len(values), np.nan)
    for code in np.unique(codes[codes >= 0]):
        nodes = np.flatnonzero((codes == code) & ~np.isnan(values))
        if len(nodes) >= FEWEST_NODES:
            found[nodes] = values[nodes] - np.median(values[nodes])
    return found
