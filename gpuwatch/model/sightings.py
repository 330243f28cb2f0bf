"""What is remembered of XIDs: which code was seen on which GPU, when, how loudly.

The gauge shows the last code for ever and a repeat of it not at all (dcgm.md,
section 7), so news is what differs from this memory. Each code has four columns
over the fleet's rows, kept under `at:48`, `count:48`, `level:48`, `job:48`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Column, Mask, Snapshot, absent
from gpuwatch.model.window import Window

HISTORY = 0.0
HIDDEN = -1.0
_PARTS = ("at", "count", "level", "job")


@dataclass
class Sighting:
    """One code on all GPUs, float64[rows] each; NaN = never.

    Args:
        at: when it was news last (Unix seconds), or when it was first found standing.
        count: on show with that windowed count (0 = gauge only); HIDDEN = another
            code took its place; NaN = armed, for it was never there or has cleared.
        level: the severity that was told; HISTORY = found standing and never told.
        job: the job at that time, as a number.
    """

    at: Column
    count: Column
    level: Column
    job: Column

    @property
    def on(self) -> Mask:
        """Where the code was on show when last looked at."""
        return self.count >= 0

    @property
    def told(self) -> Mask:
        """Where it once was news."""
        return self.level > HISTORY

    def columns(self, code: int) -> dict[str, Column]:
        """By the names under which they are kept."""
        return {f"{part}:{code}": getattr(self, part) for part in _PARTS}


def remembered(window: Window) -> dict[int, Sighting]:
    """All codes that the window's kept columns tell of."""
    codes = {int(n.partition(":")[2]) for n in window.kept if n.startswith("at:")}
    return {code: sighting(window, code) for code in sorted(codes)}


def sighting(window: Window, code: int) -> Sighting:
    """The memory of one code, empty where there is none."""
    at, count, level, job = (window.recall(f"{part}:{code}") for part in _PARTS)
    return Sighting(at, count, level, job)


def shown(snapshot: Snapshot, rows: Mask) -> dict[int, Column]:
    """Codes now on show: windowed counts, 0 = gauge only, NaN = not on show.

    Gauge and counter are one source: two entries for one code are one sighting.
    """
    xids, alive = snapshot.xids, np.flatnonzero(rows)
    real = (xids.code > 0) & np.isin(xids.row, alive)
    found: dict[int, Column] = {}
    for code in np.unique(xids.code[real]).tolist():
        mine = real & (xids.code == code)
        column = absent(snapshot.rows)
        counts = np.nan_to_num(xids.count[mine], nan=0.0)
        np.fmax.at(column, xids.row[mine], counts)
        found[code] = column
    return found


def job_numbers(snapshot: Snapshot) -> Column:
    """Each row's job as a number that stays the same over restarts; NaN = no job."""
    if snapshot.job_of is None or not snapshot.jobs:
        return absent(snapshot.rows)
    numbers = np.array([crc32(job.encode()) for job in snapshot.jobs], np.float64)
    return np.where(snapshot.job_of >= 0, numbers[snapshot.job_of], np.nan)


def within(
    memory: Mapping[int, Sighting], codes: set[int], times: Column, seconds: float
) -> Mask:
    """Where one of `codes` was told on the same row at most `seconds` from `times`."""
    near = np.zeros(len(times), bool)
    for code in codes & memory.keys():
        other = memory[code]
        near |= other.told & (np.abs(other.at - times) <= seconds)
    return near


@dataclass(frozen=True)
class Recent:
    """Nodes and jobs on which codes were told lately; `last` per node, -inf = never."""

    last: Column
    jobs: NDArray[np.float64]


def recent_on_nodes(
    memory: Mapping[int, Sighting], but: int, fleet: Fleet, since: float
) -> Recent:
    """All codes `but` one that were told after `since`, by node and by job."""
    last = np.full(len(fleet.nodes), -np.inf)
    jobs: list[Column] = []
    for code, other in memory.items():
        rows = np.flatnonzero(other.told & (other.at >= since))
        if code == but or len(rows) == 0:
            continue
        np.maximum.at(last, fleet.node_of[rows], other.at[rows])
        jobs.append(other.job[rows])
    return Recent(last, np.concatenate(jobs) if jobs else np.empty(0))
