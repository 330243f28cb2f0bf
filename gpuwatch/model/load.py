"""Whether a GPU works hard enough to show a fault that shows only under load."""

from __future__ import annotations

import numpy as np

from gpuwatch.model.limits import limit_columns
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.throttle import IDLE
from gpuwatch.model.window import Read, Window, has_bits

LOADED_SHARE_OF_POWER_LIMIT = 0.35
BUSY_PERCENT = 50.0

LOAD_READS = (
    Read("utilization_percent", required=False),
    Read("power_watts", required=False),
    Read("power_limit_watts", required=False),
)


def power_limit_watts(window: Window) -> Column:
    """The limit in force where exported, else the model's default, else NaN."""
    exported = window.get("power_limit_watts")
    usual = limit_columns(window.now.fleet, window.now.rows).power_limit_watts
    return np.where(np.isnan(exported), usual, exported)


def under_load(window: Window) -> Mask:
    """GPUs whose clean reading proves something.

    By power first: at least 35 % of the limit. Idle boards draw 8-20 % of it, and a
    job that hangs spins at 100 % utilisation with 16-25 % (dcgm.md 10, straggler.md
    3.3). Without power by utilisation >= 50 %, else by the idle bit.
    """
    share = window.get("power_watts") / power_limit_watts(window)
    percent = window.get("utilization_percent")
    reasons = window.get("throttle_reasons")
    by_bit = ~np.isnan(reasons) & ~has_bits(reasons, IDLE)
    by_percent = np.where(np.isnan(percent), by_bit, percent >= BUSY_PERCENT)
    by_power = share >= LOADED_SHARE_OF_POWER_LIMIT
    loaded: Mask = np.where(np.isnan(share), by_percent, by_power)
    return loaded


def at_work(window: Window) -> Mask:
    """GPUs in use by power or utilisation; a throttled one draws little power."""
    busy: Mask = window.get("utilization_percent") >= BUSY_PERCENT
    return busy | under_load(window)
