"""Several causes for one rule: which of them hold, and which were seen before.

A rule that watches six counters must not call a GPU clear because the one that fired
is no longer exported while the other five are. So what fired is remembered as bits,
and the GPU is UNKNOWN until each of those is known again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Window, has_bits

KEPT_CAUSES = "causes"


@dataclass(frozen=True)
class Cause:
    """One reason to fire, bool[rows]; where it is not `known`, `fires` is ignored."""

    fires: Mask
    known: Mask
    severity: Severity = Severity.WARNING


@dataclass(frozen=True)
class Weighed:
    """All causes together, arrays over rows; `bits` is to be kept (NaN = none)."""

    firing: Mask
    known: Mask
    severity: NDArray[np.int64]
    bits: Column


def alive(window: Window, metric: str) -> Column:
    """The metric now, only of GPUs that still have a live series.

    A sparse metric is filled with zero on nodes that export it; a GPU that is gone
    must not look healthy by that.
    """
    return np.where(window.now.present, window.get(metric), np.nan)


def weighed(causes: Sequence[Cause], remembered: Column) -> Weighed:
    """Fire where any cause holds, with the loudest severity.

    `remembered`: the `bits` of last time. A row is known when it fires, or when some
    cause is known and every remembered one is.
    """
    rows = len(remembered)
    firing, some = np.zeros(rows, bool), np.zeros(rows, bool)
    severity = np.full(rows, int(Severity.INFO), np.int64)
    now, unseen = np.zeros(rows, np.int64), np.zeros(rows, bool)
    for place, cause in enumerate(causes):
        fires = cause.fires & cause.known
        before = has_bits(remembered, 1 << place)
        firing |= fires
        some |= cause.known
        unseen |= before & ~cause.known
        now |= np.where(fires | (before & ~cause.known), 1 << place, 0)
        severity = np.where(fires, np.maximum(severity, int(cause.severity)), severity)
    known = firing | (some & ~unseen)
    return Weighed(firing, known, severity, np.where(now > 0, now, np.nan))
