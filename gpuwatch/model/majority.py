"""What most GPUs of one job have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.limits import model_codes
from gpuwatch.model.snapshot import Column
from gpuwatch.model.window import Window

FEWEST_FOR_A_MAJORITY = 6
NOBODY = -1


def groups_of(window: Window) -> NDArray[np.int64]:
    """A group number by job and model, int64[rows]; NOBODY without a job."""
    now = window.now
    codes, models = model_codes(now.fleet, now.rows)
    if now.job_of is None:
        return np.full(now.rows, NOBODY)
    groups: NDArray[np.int64] = np.where(
        now.job_of >= 0, now.job_of * len(models) + codes, NOBODY
    )
    return groups


def majority(values: Column, groups: NDArray[np.int64], share: float) -> Column:
    """Per row the value that at least `share` (0-1) of its group has, else NaN.

    Fewer than six known values make none: a majority of two says nothing.
    """
    known = np.flatnonzero(~np.isnan(values) & (groups >= 0))
    found = np.full(len(values), np.nan)
    if len(known) == 0:
        return found
    order = known[_by_group_and_value(values[known], groups[known])]
    value, group = values[order], groups[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(value) != 0) | (np.diff(group) != 0)
    starts = np.flatnonzero(first)
    counts = np.diff(starts, append=len(order))
    sizes = np.bincount(group)
    size = sizes[group[starts]]
    wins = (counts >= share * size) & (size >= FEWEST_FOR_A_MAJORITY)
    usual = np.full(len(sizes) + 1, np.nan)
    usual[group[starts[wins]]] = value[starts[wins]]
    inside = (groups >= 0) & (groups < len(sizes))
    return usual[np.where(inside, groups, len(sizes))]


def _by_group_and_value(values: Column, groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """An order; quick where all values are one, as they are in most fleets."""
    if (values == values[0]).all():
        return np.argsort(groups, kind="stable")
    return np.lexsort((values, groups))
