"""Nodes sorted into bands by gaps between values: what is alike stays together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column

FEWEST_NODES = 2
WIDEST_GAPS = 3.0


@dataclass(frozen=True)
class Bands:
    """A band a node (-1 = none), and by band the first node of its job.

    Bands that differ only by their levels may be stages of one job: they share a name.
    """

    of_node: NDArray[np.int64]
    first_node: tuple[int, ...] = ()

    @classmethod
    def split(cls, bands: NDArray[np.int64], levels: Mapping[float, Column]) -> Bands:
        """Bands cut where a level jumps by more than that share between two nodes.

        A lone node is no band: it stays with the nearest, for it may be the one that
        is at fault. A node without a level stays in its band as it is.
        """
        first = np.append(_firsts(bands), 0)[bands]
        for share, level in levels.items():
            bands = _cut(bands, level, share)
        named = np.zeros(int(bands.max(initial=-1)) + 1, np.int64)
        named[bands[bands >= 0]] = first[bands >= 0]
        return cls(bands, tuple(named.tolist()))


def by_gaps(values: Column, gap: float) -> NDArray[np.int64]:
    """Sort values into runs: a new one begins after a gap, or when one is too wide.

    NaN is in no run (-1).
    """
    found = np.full(len(values), -1)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    if len(order) == 0:
        return found
    run, start, previous = 0, values[order[0]], values[order[0]]
    for node in order.tolist():
        value = values[node]
        if value - previous > gap or value - start > WIDEST_GAPS * gap:
            run, start = run + 1, value
        found[node], previous = run, value
    return found


def _cut(bands: NDArray[np.int64], level: Column, share: float) -> NDArray[np.int64]:
    cut = np.full(len(bands), -1)
    following = 0
    for band in range(int(bands.max(initial=-1)) + 1):
        nodes = np.flatnonzero(bands == band)
        kinds = _kinds(level[nodes], share)
        cut[nodes] = following + kinds
        following += int(kinds.max(initial=0)) + 1
    return cut


def _kinds(level: Column, share: float) -> NDArray[np.int64]:
    """0 for the lowest kind, and so on; unknown levels are of the commonest kind."""
    kinds = np.zeros(len(level), np.int64)
    known = np.flatnonzero(~np.isnan(level))
    order = known[np.argsort(level[known], kind="stable")]
    if len(order) < 2 * FEWEST_NODES:
        return kinds
    values = level[order]
    jumps = np.flatnonzero(values[1:] > values[:-1] * (1 + share)) + 1
    pieces = [piece for piece in np.split(order, jumps) if len(piece) >= FEWEST_NODES]
    if len(pieces) < 2:
        return kinds
    middles = np.array([np.median(level[piece]) for piece in pieces])
    kinds[known] = np.abs(level[known][:, None] - middles).argmin(axis=1)
    unknown = np.isnan(level)
    kinds[unknown] = np.bincount(kinds[known]).argmax()
    return kinds


def _firsts(bands: NDArray[np.int64]) -> tuple[int, ...]:
    count = int(bands.max(initial=-1)) + 1
    first = np.full(count, len(bands))
    inside = np.flatnonzero(bands >= 0)
    np.minimum.at(first, bands[inside], inside)
    return tuple(first.tolist())
