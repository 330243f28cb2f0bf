"""What a slow job has cost: GPU-hours of work that was not done."""

from __future__ import annotations

import math

import numpy as np

from gpuwatch.model.stride import Crew

SECONDS_AN_HOUR = 3600.0


def lost_gpu_hours(gpus: int, seconds: float, kept_share: float) -> float:
    """GPU-hours lost by so many GPUs that kept `kept_share` (0-1) of their pace.

    Never negative; NaN where the share is not known.
    """
    if math.isnan(kept_share):
        return math.nan
    lost = 1.0 - min(max(kept_share, 0.0), 1.0)
    return gpus * max(seconds, 0.0) / SECONDS_AN_HOUR * lost


def estimated_share(crew: Crew, job: str) -> float:
    """The pace (0-1) that a job keeps, by its GPUs: an estimate, to be told as one.

    Its groups' work (tensor activity x SM clock, else power) against their stride,
    weighted by their sizes; NaN where none is known. From power alone it is too high:
    a GPU that waits in a collective draws power too (straggler.md 3.3).
    """
    company, work = crew.company, crew.stride.work
    mine = np.array([name == job for name in company.names], bool)
    known = mine & ~np.isnan(work)
    if not known.any():
        return math.nan
    share = np.average(np.clip(work[known], 0.0, 1.0), weights=company.sizes[known])
    return float(share)
