"""How much a counter rose each day, kept through restarts and resets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.snapshot import Column, Mask, absent
from gpuwatch.model.window import Window

DAY_SECONDS = 86_400.0
DAYS = 8
LOOK_SECONDS = 600.0
LONGEST_GAP_SECONDS = 7200.0
LEAST_SEEN_SHARE = 0.8
LAST, TODAY, LOOKS, LOOKED_AT, DAY = "last", "today", "looks", "looked_at", "day"


@dataclass(frozen=True)
class Tally:
    """One counter's days, UTC.

    Args:
        days: float64[DAYS, rows], complete days, oldest first; NaN where a GPU was seen
            for less than four fifths of the day.
        keep: what is to be kept.
    """

    days: Column
    keep: Mapping[str, Column]


def due(window: Window) -> bool:
    """Ten minutes are over since it was looked at, or the clock went back."""
    passed = window.now.at - float(window.recall(LOOKED_AT, 1)[0])
    return not 0 <= passed < LOOK_SECONDS - 5


def tallied(window: Window, counter: Column) -> Tally:
    """Take up a reading. A counter that fell was reset, and counts from zero.

    What is read at a day's first look rose on the day before. What rose in a gap of
    more than two hours belongs to no day and is left out.
    """
    at, rows = window.now.at, window.now.rows
    last, day = window.recall(LAST), int(at // DAY_SECONDS)
    gap = at - float(window.recall(LOOKED_AT, 1)[0])
    rose = np.where(counter >= last, counter - last, counter)
    rose = np.where(np.isnan(last), np.nan, rose)
    if not 0 < gap <= LONGEST_GAP_SECONDS:
        rose = absent(rows)
    today = np.nan_to_num(window.recall(TODAY)) + np.nan_to_num(rose)
    looks = np.nan_to_num(window.recall(LOOKS)) + ~np.isnan(rose)
    kept_day = float(window.recall(DAY, 1)[0])
    keep: dict[str, Column] = {}
    if kept_day != day:
        keep = _closed(kept_day, day, np.where(_seen(looks), today, np.nan))
        today, looks = np.zeros(rows), np.zeros(rows)
    keep |= {
        LAST: np.where(np.isnan(counter), last, counter),
        TODAY: today,
        LOOKS: looks,
        LOOKED_AT: np.array([at]),
        DAY: np.array([float(day)]),
    }
    return Tally(_days(window, keep, day), keep)


def _seen(looks: Column) -> Mask:
    seen: Mask = looks >= LEAST_SEEN_SHARE * DAY_SECONDS / LOOK_SECONDS
    return seen


def _closed(kept_day: float, day: int, total: Column) -> dict[str, Column]:
    """The day that ended takes its place; missed days are emptied."""
    if np.isnan(kept_day):
        return {}
    first = int(kept_day) if day - DAYS <= kept_day < day else day - DAYS
    return {
        _name(number): total if number == kept_day else absent(len(total))
        for number in range(first, day)
    }


def _days(window: Window, keep: Mapping[str, Column], day: int) -> Column:
    columns = [
        keep[_name(n)] if _name(n) in keep else window.recall(_name(n))
        for n in range(day - DAYS, day)
    ]
    return np.stack(columns)


def _name(day: int) -> str:
    return f"day_{day % DAYS}"
