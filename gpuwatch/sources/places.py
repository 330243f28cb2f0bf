"""From a series to the rows of the fleet that it speaks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from gpuwatch.model.fleet import Fleet
from gpuwatch.sources.blocks import Indices, Labels
from gpuwatch.sources.identity import gpu_key, key_of, uuid_of


class Places:
    """Rows by UUID and MIG instance, without the node: a card may have moved.

    A value goes to every row that its card ever had; that only one of them is alive
    is decided by the heartbeat. A series without `GPU_I_ID` (a link, a parent) speaks
    for all MIG instances of its card.
    """

    def __init__(self) -> None:
        self._single: dict[str, int] = {}
        self._several: dict[str, list[int]] = {}
        self._of_card: defaultdict[str, list[int]] = defaultdict(list)
        self._known = 0

    def follow(self, fleet: Fleet) -> None:
        """Take up the rows that were appended since."""
        for row in range(self._known, len(fleet)):
            gpu = fleet.gpus[row]
            self._add(gpu_key(gpu.uuid, gpu.mig), row)
            self._of_card[gpu.uuid].append(row)
        self._known = len(fleet)

    def _add(self, key: str, row: int) -> None:
        earlier = self._single.pop(key, None)
        if key in self._several:
            self._several[key].append(row)
        elif earlier is not None:
            self._several[key] = [earlier, row]
        else:
            self._single[key] = row

    def find(self, labels: Sequence[Labels]) -> tuple[Indices, Indices]:
        """Positions in `labels` and the rows they speak for, pairwise, int64[n]."""
        series: list[int] = []
        rows: list[int] = []
        single = self._single
        for position, one in enumerate(labels):
            row = single.get(key_of(one))
            if row is not None:
                series.append(position)
                rows.append(row)
                continue
            more = self.rows(one)
            series += [position] * len(more)
            rows += more
        return np.array(series, np.int64), np.array(rows, np.int64)

    def rows(self, labels: Labels) -> Sequence[int]:
        """All rows that one series speaks for."""
        key = key_of(labels)
        if key in self._single:
            return (self._single[key],)
        if key in self._several:
            return self._several[key]
        uuid = "" if labels.get("GPU_I_ID") else uuid_of(labels)
        return self._of_card.get(uuid, ())

    def last_row(self, uuid: str) -> int | None:
        """The newest row of a card, or None for one never seen."""
        rows = self._of_card.get(uuid)
        return rows[-1] if rows else None

    def cards_with_many_rows(self) -> Iterator[Sequence[int]]:
        """Rows of each card that moved, or has MIG instances."""
        return (rows for rows in self._of_card.values() if len(rows) > 1)

    def moved(self) -> Iterator[Sequence[int]]:
        """Rows of each GPU that was seen on more than one node."""
        return iter(self._several.values())
