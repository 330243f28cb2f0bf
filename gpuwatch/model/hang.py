"""A job that spins and does nothing: its signature, group by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.model.company import Company
from gpuwatch.model.load import power_limit_watts
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Read, Window

SPIN_PERCENT = 98.0
IDLE_COPY_PERCENT = 2.0
IDLE_TENSOR = 0.01
SPIN_POWER_SHARE = 0.35
# A rank that does not even spin.
SILENT_PERCENT = 50.0
MOST_SILENT_SHARE = 0.1

BUSY = "utilization_percent"
SIGNS = (
    ("memory_copy_percent", IDLE_COPY_PERCENT),
    ("tensor_active_ratio", IDLE_TENSOR),
)
READS = (
    Read("utilization_percent"),
    Read("power_watts"),
    Read("power_limit_watts", required=False),
    Read("memory_copy_percent", required=False),
    Read("tensor_active_ratio", required=False),
)


@dataclass(frozen=True)
class Hang:
    """Arrays over groups, and over rows which ranks do not spin.

    `power_percent` is the median power as a share of the limit.
    """

    hung: Mask
    known: Mask
    power_percent: Column
    silent: Mask


def hang(window: Window, company: Company, reached: Mask) -> Hang:
    """Utilisation 98-100 %, no work, little power: the signature of a spinning job.

    Seen on a public snapshot of 247 H100: six GPUs at 100 %, 1980 MHz, no memory
    traffic and 113-156 W of 700. Without a sign of work (tensor or memory activity)
    nothing can be told.
    """
    inside = (company.group_of >= 0) & window.now.present
    share = window.get("power_watts") / power_limit_watts(window)
    power = company.medians(np.where(inside, share, np.nan))
    known = reached & ~np.isnan(power) & _shows_work(window, company)
    hung = known & (power < SPIN_POWER_SHARE)
    silent = np.zeros(window.now.rows, bool)
    if hung.any():
        hung = hung & _spins(window, company, inside)
        silent = _silent(window, company, inside & company.rows_in(hung))
    return Hang(hung, known, power * 100, silent)


def _shows_work(window: Window, company: Company) -> Mask:
    """Groups with utilisation and any sign of work, without which nothing is told."""
    copies, tensor = (~np.isnan(window.get(metric)) for metric, _ in SIGNS)
    busy = ~np.isnan(window.get(BUSY))
    shows: Mask = (company.counts(busy) > 0) & (company.counts(copies | tensor) > 0)
    return shows


def _spins(window: Window, company: Company, inside: Mask) -> Mask:
    """Fully utilised, and no sign of work in any metric that is known."""
    busy = np.where(inside, window.get(BUSY), np.nan)
    spins: Mask = company.medians(busy) >= SPIN_PERCENT
    for metric, most in SIGNS:
        middle = company.medians(np.where(inside, window.get(metric), np.nan))
        spins = spins & ~(middle > most)
    return spins


def _silent(window: Window, company: Company, hung: Mask) -> Mask:
    """The few ranks of hung groups that do not even spin."""
    silent = hung & (window.get(BUSY) < SILENT_PERCENT)
    few = company.counts(silent) <= np.maximum(1, MOST_SILENT_SHARE * company.sizes)
    return silent & company.rows_in(few)
