"""What is news about XIDs: this cycle's readings against what was remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.sightings import HIDDEN, HISTORY, Sighting, job_numbers
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Window

BURST_SECONDS = 180.0
MEMORY_SECONDS = 86_400.0
REPEATING = frozenset({13, 31})
APPLICATION = frozenset({13, 31, 43, 45})


@dataclass(frozen=True)
class Sight:
    """What is the same for every code in one cycle, arrays over rows."""

    now: float
    looked: Mask
    cleared: Mask
    first: Mask
    evident: Mask
    booted: Column
    action: Column
    job: Column
    present: Mask
    watched: bool


def sight_of(window: Window, shows: Mapping[int, Column], in_service: Mask) -> Sight:
    """Which rows can be judged, and what bears out a code found standing.

    A row is looked at when it shows a code, or when it is alive or known to export
    XIDs and the query for them succeeded: then no code on it means none.
    """
    now = window.now
    node_of = now.fleet.node_of[: now.rows]
    any_shown = np.zeros(now.rows, bool)
    for column in shows.values():
        any_shown |= ~np.isnan(column)
    readable = not {"xid", "xid_count"} & now.unread.keys()
    shows_xids = False if now.xids_known is None else now.xids_known
    looked = (any_shown | ((now.present | shows_xids) & readable)) & in_service
    action = window.get("recovery_action")
    pending = window.get("row_remap_pending") > 0
    return Sight(
        now=now.at,
        looked=looked,
        cleared=looked & ~any_shown,
        first=np.isnan(window.recall("seen")),
        evident=(action > 0) | pending | ~now.present,
        booted=now.node_column("boot_time_seconds")[node_of],
        action=action,
        job=job_numbers(now),
        present=now.present,
        watched=bool(np.any(shows_xids)),
    )


def with_old_counts(window: Window, known: Sighting, show: Column) -> Column:
    """A count that could not be read this time is what it was."""
    if "xid_count" not in window.now.unread:
        return show
    return np.where(np.isnan(show), np.nan, np.fmax(show, known.count))


def is_news(code: int, known: Sighting, show: Column, sight: Sight) -> Mask:
    """A code that came, came back after it had cleared, or is counted higher."""
    on, counted = ~np.isnan(show), show > 0
    more = known.on & (show > known.count)
    if code in APPLICATION:
        more &= sight.now - known.at > BURST_SECONDS
    armed = np.isnan(known.count) | (known.level == HISTORY)
    old = sight.now - known.at > MEMORY_SECONDS
    new_job = _job_changed(known, sight) if code in APPLICATION else False
    back = ~known.on & (armed | old | counted | new_job)
    after_boot = known.at < sight.booted
    news = np.where(sight.first, sight.evident | counted, more | back | after_boot)
    return on & (news > 0)


def _job_changed(known: Sighting, sight: Sight) -> Mask:
    both = ~np.isnan(known.job) & ~np.isnan(sight.job)
    changed: Mask = both & (known.job != sight.job)
    return changed


def repeats_in_other_job(code: int, known: Sighting, sight: Sight) -> Mask:
    """Told before within 24 h, in another burst, and not in the same job."""
    if code not in REPEATING:
        return np.zeros(len(known.at), bool)
    same_job = ~np.isnan(sight.job) & (known.job == sight.job)
    ago = sight.now - known.at
    burst_over = (ago > BURST_SECONDS) & (ago <= MEMORY_SECONDS)
    repeats: Mask = known.told & ~same_job & burst_over
    return repeats


def updated(known: Sighting, show: Column, news: Mask, sight: Sight) -> Sighting:
    """The memory after this cycle; the level of news comes later."""
    on = ~np.isnan(show)
    standing = on & sight.first & ~news
    replaced = known.on & sight.looked & ~on
    count = np.where(replaced, HIDDEN, np.where(on, show, known.count))
    return Sighting(
        at=np.where(news | standing, sight.now, known.at),
        count=np.where(sight.cleared, np.nan, count),
        level=np.where(standing, HISTORY, np.where(news, 1.0, known.level)),
        job=np.where(news, sight.job, known.job),
    )
