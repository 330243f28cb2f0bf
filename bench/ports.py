"""Network ports of simulated ticks as the node columns that the product reads.

What `sources/prometheus/rails.py` asks of a server, counted here; who is slow and who
is down is decided by the product's own code (`sources/rails.py`) and words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from gpuwatch.model.snapshot import Column
from gpuwatch.sim.rails import ACTIVE_STATE, RATE, SENT, STATE
from gpuwatch.sources.blocks import Labels, Matrix
from gpuwatch.sources.rails import FEWEST_SIBLINGS, Ports, slowest

RATE_SECONDS = 120.0
AGO_SECONDS = 600.0


class PortColumns:
    """Keeps ten minutes of every port; `take` wants times that only rise."""

    def __init__(self, nodes: int, ports: int) -> None:
        rows = np.repeat(np.arange(nodes), ports)
        labels: Sequence[Labels] = [
            {"device": f"mlx5_{port}", "port": "1"}
            for _ in range(nodes)
            for port in range(ports)
        ]
        self._ports = Ports.of(labels, rows, nodes)
        self._shape = (nodes, ports)
        self._seen: deque[tuple[float, Matrix, Matrix]] = deque()

    def take(self, at: float, values: dict[str, Matrix]) -> dict[str, Column]:
        """Node columns by logical name; `at` in seconds, values by port's metric."""
        if not values:
            return {}
        self._seen.append((at, values[SENT], values[STATE]))
        while self._seen[0][0] < at - AGO_SECONDS:
            self._seen.popleft()
        share, number = self._slowest(values[RATE])
        down, down_number = self._down(values[STATE])
        return {
            "rail_share_ratio": share,
            "slowest_rail_number": number,
            "rails_down_count": down,
            "down_rail_number": down_number,
        }

    def _slowest(self, line: Matrix) -> tuple[Column, Column]:
        """Siblings are known by their namesakes: an hour's past is not there."""
        now, sent, _ = self._seen[-1]
        first, before = next(
            (at, was) for at, was, _ in self._seen if at >= now - RATE_SECONDS
        )
        if now == first:
            nobody = np.full(self._shape[0], np.nan)
            return nobody, nobody
        carried = (sent - before) / (now - first) / line
        siblings = np.zeros(self._ports.series.shape, bool)
        return slowest(self._ports, carried.ravel(), siblings)

    def _down(self, state: Matrix) -> tuple[Column, Column]:
        """Not active, though they were ten minutes ago or most namesakes are."""
        at, _, before = self._seen[0]
        long_ago = self._seen[-1][0] - at >= AGO_SECONDS
        known = ~np.isnan(state)
        usual = np.zeros(self._shape[1], bool)
        if known.all(axis=1).sum() >= FEWEST_SIBLINGS:
            usual = np.nanmedian(state, axis=0) == ACTIVE_STATE
        was = (before == ACTIVE_STATE) & long_ago
        down = known & (state != ACTIVE_STATE) & (was | usual)
        numbers = np.where(down, np.arange(self._shape[1]), -1.0).max(axis=1)
        count = np.where(known.any(axis=1), down.sum(axis=1), np.nan)
        return count, np.where(numbers < 0, np.nan, numbers)
