"""Clocks cut by the hardware, which does not say why."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.clocks import CLOCK_READS, clock_is_down
from gpuwatch.model.duration import Seconds
from gpuwatch.model.load import under_load
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.throttle import HW_POWER_BRAKE, HW_SLOWDOWN, HW_THERMAL
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits


class HwSlowdown(Rule):
    """Clocks cut by the hardware, which does not say why.

    What: Throttle bit 0x8 (HW slowdown) without 0x40 (thermal) and 0x80 (power brake),
    for a minute. Critical where the clock fell as well: 10 % below the peers, or,
    without a power cap, 25 % below the board's maximum. Else a warning.

    Why: The hardware at least halves its clocks, from heat, a power brake or a fast
    trigger that it does not name; the whole job waits for this GPU.

    First response: Compare the GPU's temperature and power with its neighbours. If
    neither is odd, reset the GPU; if it comes back, have the board inspected.

    Source: Bit: dcgm_fields.h. A minute: the bit may blip when the performance state
    changes; gpud asks for 6 of 10 minutes, Azure's health agent for one sample.
    """

    class Params(RuleParams):
        """Settings of hw_slowdown."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(60.0, ge=0, description="must be bad this long")

    name = "hw_slowdown"
    category = Category.POWER
    load_dependent = True
    slows_job = True
    yields_to = ("thermal_slowdown", "power_brake")
    reads = (
        Read("throttle_reasons"),
        Read("gpu_temperature_celsius", required=False),
        *CLOCK_READS,
    )

    def judge(self, window: Window) -> Verdicts:
        """Bit 0x8 alone; UNKNOWN without throttle reasons."""
        reasons = window.get("throttle_reasons")
        named = has_bits(reasons, HW_THERMAL | HW_POWER_BRAKE)
        firing = has_bits(reasons, HW_SLOWDOWN) & ~named
        own = self.params.severity
        quiet = min(own, Severity.WARNING)
        loud = clock_is_down(window, firing)
        return judged(
            firing,
            reasons,
            severity=np.where(loud, own, quiet).astype(np.int64),
            loaded=under_load(window),
            evidence={
                "sm_clock_megahertz": window.get("sm_clock_megahertz"),
                "gpu_temperature_celsius": window.get("gpu_temperature_celsius"),
                "power_watts": window.get("power_watts"),
                "throttle_reasons": reasons,
            },
        )

    def explain(self, finding: Finding) -> Words:
        """That the cause is unknown, and the clock that is left."""
        clock = measured(finding.value("sm_clock_megahertz"), "MHz")
        return Words(
            f"HW slowdown, cause unknown{clock}",
            "Compare its temperature and power with its neighbours. If neither is odd, "
            "drain the node and reset the GPU; if it comes back, inspect the board.",
        )
