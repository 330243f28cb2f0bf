"""Whether a GPU's clock really fell: against its peers, and against its own maximum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.company import Company
from gpuwatch.model.limits import model_codes
from gpuwatch.model.load import LOAD_READS, at_work
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.throttle import SW_POWER_CAP
from gpuwatch.model.window import Read, Window, has_bits

LOST_AGAINST_PEERS = 0.10
LOST_AGAINST_MAXIMUM = 0.25
FEWEST_PEERS = 3

CLOCK_READS = (
    *LOAD_READS,
    Read("sm_clock_megahertz", required=False),
    Read("max_sm_clock_megahertz", required=False),
)


def clock_is_down(
    window: Window, suspects: Mask, lost: float = LOST_AGAINST_PEERS
) -> Mask:
    """Suspects at work whose SM clock costs their job real time.

    At least `lost` below the median of their peers (by default 10 %: a job that loses
    10 % is critical, and healthy silicon differs by up to 8 %), or, where no power cap
    explains it, 25 % below the board's maximum (a healthy power-capped B200 runs at
    55-62 % of it).
    Peers are unsuspected GPUs at work of the same model in the same job, else node.
    """
    if not suspects.any():
        return suspects
    working = at_work(window)
    clock = window.get("sm_clock_megahertz")
    usual = peer_medians(window, np.where(working & ~suspects, clock, np.nan))
    below_peers = clock <= usual * (1 - lost)
    most = window.get("max_sm_clock_megahertz")
    capped = has_bits(window.get("throttle_reasons"), SW_POWER_CAP)
    below_most = ~capped & (clock <= most * (1 - LOST_AGAINST_MAXIMUM))
    down: Mask = suspects & working & (below_peers | below_most)
    return down


def peer_medians(window: Window, values: Column) -> Column:
    """Per row the median of its peer group; NaN with fewer than three known values."""
    groups = _peer_groups(window)
    peers = Company(groups, ("",) * (int(groups.max(initial=-1)) + 1))
    return peers.spread(peers.medians(values, FEWEST_PEERS))


def _peer_groups(window: Window) -> NDArray[np.int64]:
    """An id a row: its job, else its node, and always its model."""
    now = window.now
    codes, models = model_codes(now.fleet, now.rows)
    nodes = now.fleet.node_of[: now.rows]
    if now.job_of is None:
        return nodes * len(models) + codes
    place = np.where(now.job_of >= 0, now.job_of, len(now.jobs) + nodes)
    groups: NDArray[np.int64] = place * len(models) + codes
    return groups
