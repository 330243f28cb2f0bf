"""Something that creeps up over hours, and stays known until it comes down again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.ring import Ring
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.trend import (
    FEWEST_POINTS,
    POINTS,
    History,
    may_rise,
    rising,
    thinned,
)
from gpuwatch.model.window import Window

SPANS, SPAN_SECONDS = 48, 1800.0
WIDTHS = (12, 24, 48)
HOUR = 3600.0
LEVEL = "level"
BACK_SHARE = 0.5


@dataclass(frozen=True)
class Drift:
    """Arrays of the ring's length.

    Args:
        on: it rose steadily by enough, and has not come back by half of that.
        known: enough of the last six hours was seen to tell, the newest included.
        rise: by how much it is above where the rise began; NaN while not `on`.
        per_hour: how fast it rises now; NaN where it rises no more.
    """

    on: Mask
    known: Mask
    rise: Column
    per_hour: Column


def ring_of(window: Window, prefix: str, length: int) -> Ring:
    """The last 24 hours in half hours."""
    return Ring(window, prefix, length, SPANS, SPAN_SECONDS)


def drifted(
    window: Window, prefix: str, history: History, least: float
) -> tuple[Drift, Mapping[str, Column]]:
    """Rises of at least `least` over the last 6, 12 or 24 hours; what to keep.

    The shortest of the three that shows one tells how fast; whoever began to drift an
    hour ago is not hidden by a flat day before.
    """
    name = f"{prefix}_{LEVEL}"
    level = window.recall(name, history.shape[1]).copy()
    per_hour = np.full(history.shape[1], np.nan)
    columns = may_rise(history, least)
    for width in reversed(WIDTHS):
        trend = rising(thinned(history[-width:, columns]), least)
        solid = columns[trend.solid]
        hours = width / POINTS * SPAN_SECONDS / HOUR
        per_hour[solid] = trend.per_step[trend.solid] / hours
        fresh = np.where(np.isnan(level[solid]), trend.start[trend.solid], level[solid])
        level[solid] = fresh
    latest = history[-1]
    seen = (~np.isnan(history[-POINTS:])).sum(axis=0) >= FEWEST_POINTS
    back = latest - level < BACK_SHARE * least
    level = np.where(back, np.nan, level)
    drift = Drift(
        on=~np.isnan(latest - level),
        known=~np.isnan(latest) & (seen | ~np.isnan(level)),
        rise=latest - level,
        per_hour=np.where(np.isnan(level), np.nan, per_hour),
    )
    return drift, {name: level}
