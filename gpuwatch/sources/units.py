"""The unit that a name does not give: ratio or percent, found from the values."""

from __future__ import annotations

import numpy as np

from gpuwatch.model.snapshot import fitted
from gpuwatch.sources.blocks import Flags, Indices, Matrix

PERCENT, RATIO = 1.0, 100.0
# Profiling ratios overshoot 1 by a little (dcgm.md 9); whole percents begin at 2.
_SURELY_PERCENT = 1.05
_MOST_PERCENT = 100.0


class Ratios:
    """For each name and node what turns its values into percent.

    A value above 1 means percent and a fraction means ratio, for all GPUs of that
    node and from then on. A node that begins to export `*_HERTZ` names was upgraded:
    what was known of it is void, and until its values say more it speaks base units.
    0 is 0 either way; 1 where nothing else was ever seen is not known (NaN).
    """

    def __init__(self) -> None:
        self._scale: dict[str, Matrix] = {}
        self._base_units: dict[str, Flags] = {}

    def percent(
        self, name: str, raw: Matrix, node_of: Indices, base_units: Flags
    ) -> Matrix:
        """float64[steps, rows] in percent; `base_units` is bool[steps, nodes]."""
        nodes = base_units.shape[1]
        scale = fitted(self._scale.get(name, np.empty(0)), nodes)
        before = np.zeros(nodes, bool)
        known = self._base_units.get(name, before[:0])
        before[: len(known)] = known
        result = np.empty_like(raw)
        for step, flags in enumerate(base_units):
            scale = np.where(flags & ~before, RATIO, scale)
            before = before | flags
            scale = _newer(scale, raw[step], node_of)
            result[step] = _applied(raw[step], scale[node_of])
        self._scale[name], self._base_units[name] = scale, before
        return result


def _newer(scale: Matrix, raw: Matrix, node_of: Indices) -> Matrix:
    later = scale.copy()
    later[node_of[(raw > 0) & (raw < 1)]] = RATIO
    later[node_of[(raw > _SURELY_PERCENT) & (raw <= _MOST_PERCENT)]] = PERCENT
    return later


def _applied(raw: Matrix, scale: Matrix) -> Matrix:
    in_percent = raw * scale
    overshoot = (scale == RATIO) & (raw > 1) & (raw <= _SURELY_PERCENT)
    return np.where(raw == 0, 0.0, np.where(overshoot, 100.0, in_percent))
