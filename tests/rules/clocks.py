"""Eight GPUs of one job: row 0 beside seven that run at 2000 MHz."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gpuwatch.model.window import Window
from tests.rules.builders import Written, fleet_of, window_of
from tests.rules.crews import first

ROWS = 8
PLAIN, CAPPED = "0x0", "0x4"


def eight(
    clock: str,
    *,
    bits: str = PLAIN,
    seconds: str = "120",
    written: Mapping[str, Written] | None = None,
    **more: Written,
) -> Window:
    """Row 0 with its own readings; its usual place is known unless told otherwise."""
    usual: dict[str, Written] = {
        "sm_clock_megahertz": first(clock, "2000", ROWS),
        "utilization_percent": "100",
        "power_watts": "650",
        "throttle_reasons": bits,
    }
    return window_of(
        fleet_of(gpus=ROWS),
        {**usual, **(written or {}), **more},
        kept={"clock_seconds": first(seconds, "1800", ROWS)},
    )


def kept(window: Window, **columns: str) -> Window:
    words = {k: np.array([float(w) for w in v.split()]) for k, v in columns.items()}
    return replace(window, kept={**window.kept, **words})
