"""Two nodes of eight GPUs in one job, watched for four minutes, at 600 W each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gpuwatch.model.window import Window
from tests.rules.builders import Written, fleet_of, window_of
from tests.rules.crews import crewed, first

ROWS = 16


def job(
    busy: str,
    *,
    watts: str = "600",
    groups: str = "0",
    settled: str = "1",
    together: str = "1",
    calm: str = "1",
    pace: str = "0.9",
    kept: dict[str, str] | None = None,
    **more: Written,
) -> Window:
    """`busy` is their utilisation; `watts` are means of late too."""
    remembered = {"busy_seconds": first("240", "1800", ROWS), **(kept or {})}
    metrics: dict[str, Written] = {
        "utilization_percent": busy,
        "power_watts": watts,
        "sm_clock_megahertz": "2000",
        "throttle_reasons": "0x0",
    }
    window = window_of(fleet_of(nodes=2, gpus=8), {**metrics, **more})
    words = {k: np.array([float(w) for w in v.split()]) for k, v in remembered.items()}
    crew = crewed(
        window, groups, settled=settled, together=together, calm=calm, pace=pace
    )
    return replace(crew, kept=words)
