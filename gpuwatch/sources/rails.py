"""A node's network ports (rails) beside one another; no I/O.

In a synchronous job the rails of a node carry the same load: within 0.1 % of each
other in a public H100 trace, one of them structurally 3 % less in another run
(straggler.md 3.2). Ports with another role (storage, management) carry anything, so
only those that are known to be siblings are compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpuwatch.sources.blocks import Flags, Indices, Labels, Matrix

BUSY_SHARE_OF_LINE = 0.05
PAST_SHARE_OF_LINE = 0.01
ALIKE = 0.05
FEWEST_SIBLINGS = 4
BUSY_SIBLINGS = 6
FEWEST_NODES_FOR_A_NORM = 4
DEVICE, PORT = "device", "port"
_NUMBER = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Ports:
    """Network ports in a table: `series[nodes, width]`, -1 where there is none.

    `device`: the same number for the same device and port on every node.
    `number`: what the device's name ends in (`mlx5_3`: 3), NaN where in nothing.
    """

    series: Indices
    device: Indices
    number: Matrix

    @classmethod
    def of(cls, labels: Sequence[Labels], node_rows: Indices, nodes: int) -> Ports:
        """From the labels of each series and the row of its node (-1 = no node)."""
        names = [(one.get(DEVICE, ""), one.get(PORT, "")) for one in labels]
        code_of = {name: code for code, name in enumerate(sorted(set(names)))}
        codes = np.array([code_of[name] for name in names], np.int64)
        order = np.lexsort((codes, node_rows))
        order = order[node_rows[order] >= 0]
        counts = np.bincount(node_rows[order], minlength=nodes)
        slots = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        shape = (nodes, int(counts.max(initial=0)))
        series, device = np.full(shape, -1), np.full(shape, -1)
        series[node_rows[order], slots] = order
        device[node_rows[order], slots] = codes[order]
        numbers = np.array([number_of(name) for name, _ in sorted(code_of)] + [np.nan])
        return cls(series, device, numbers[device])

    def table(self, values: Matrix) -> Matrix:
        """One step's values of the series as float64[nodes, width]."""
        return np.append(values, np.nan)[self.series]


def number_of(device: str) -> float:
    """The last number in a device's name; NaN where there is none."""
    found = _NUMBER.search(device)
    return float(found[1]) if found else float("nan")


def siblings_by_past(ports: Ports, past: Matrix) -> Flags:
    """Who carried what most of the node's ports carried, bool[nodes, width].

    `past`: mean traffic of each series over some stretch, as a share of line rate.
    """
    table = ports.table(past)
    near: Flags = np.abs(_shares(table) - 1) <= ALIKE
    return near & (table > PAST_SHARE_OF_LINE)


def siblings_by_name(ports: Ports, table: Matrix) -> Flags:
    """Whose namesakes on most of at least four busy nodes carry what the others do."""
    shares = np.where(table > BUSY_SHARE_OF_LINE, _shares(table), np.nan)
    found = np.zeros(table.shape, bool)
    for device in np.unique(ports.device[~np.isnan(shares)]).tolist():
        mine = ports.device == device
        known = shares[mine & ~np.isnan(shares)]
        usual = len(known) >= FEWEST_NODES_FOR_A_NORM
        found[mine] = usual and abs(float(np.median(known)) - 1) <= ALIKE
    return found


def slowest(ports: Ports, now: Matrix, siblings: Flags) -> tuple[Matrix, Matrix]:
    """The lowest sibling's traffic beside its node's median, and its number, [nodes].

    NaN unless at least four siblings are there, six of them (or all but one) carry more
    than 5 % of line rate, and all but one agree within 5 %: else the load is uneven by
    nature (expert parallelism) and proves nothing. A port that carries next to nothing
    is idle, not slow.
    """
    table = ports.table(now)
    share = np.where(siblings | siblings_by_name(ports, table), _shares(table), np.nan)
    count = (~np.isnan(share)).sum(axis=1)
    busy = (~np.isnan(share) & (table > BUSY_SHARE_OF_LINE)).sum(axis=1)
    alike = (np.abs(share - 1) <= ALIKE).sum(axis=1)
    judged = (count >= FEWEST_SIBLINGS) & (alike >= count - 1)
    judged &= busy >= np.minimum(count - 1, BUSY_SIBLINGS)
    carrying = np.where(share > BUSY_SHARE_OF_LINE, share, np.inf)
    place = carrying.argmin(axis=1) if carrying.size else np.zeros(len(table), int)
    rows = np.arange(len(table))
    if not judged.any():
        return np.full(len(table), np.nan), np.full(len(table), np.nan)
    lowest = np.where(judged, carrying[rows, place], np.nan)
    return lowest, np.where(judged, ports.number[rows, place], np.nan)


def _shares(table: Matrix) -> Matrix:
    """Each port beside the median of its node's known ports; NaN with fewer than 4."""
    known = ~np.isnan(table)
    usual = np.full(len(table), np.nan)
    enough = known.sum(axis=1) >= FEWEST_SIBLINGS
    if enough.any():
        usual[enough] = np.nanmedian(table[enough], axis=1)
    shares: Matrix = table / np.where(usual > 0, usual, np.nan)[:, None]
    return shares
