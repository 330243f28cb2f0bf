"""Clocks cut because the power supply asked for it."""

from __future__ import annotations

from gpuwatch.model.load import LOAD_READS, under_load
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.throttle import HW_POWER_BRAKE
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits


class PowerBrake(Rule):
    """Clocks cut because the power supply asked for it.

    What: Throttle bit 0x80 (HW power brake slowdown) in two distinct samples. The power
    cap (0x4), normal on a loaded GPU, never counts.

    Why: A power supply or the rack pulls a line, and the hardware at least halves the
    clocks, mostly on many GPUs at once. It is silent: after one power event nine nodes
    of 288 stayed slowed for more than 36 hours.

    First response: Look at the node's power supplies, the rack's power shelf and the
    BMC log. Drain the node after the next checkpoint if the brake stays on.

    Source: Bit: dcgm_fields.h. NVSentinel issues 1666 and 1668: watch this bit, never
    DCGM's own power watch, which is active on half of all healthy nodes.
    """

    class Params(RuleParams):
        """Settings of power_brake."""

        severity: Severity = Severity.CRITICAL

    name = "power_brake"
    category = Category.POWER
    load_dependent = True
    slows_job = True
    reads = (
        Read("throttle_reasons"),
        Read("sm_clock_megahertz", required=False),
        *LOAD_READS,
    )

    def judge(self, window: Window) -> Verdicts:
        """Bit 0x80 now; UNKNOWN without throttle reasons."""
        reasons = window.get("throttle_reasons")
        return judged(
            has_bits(reasons, HW_POWER_BRAKE),
            reasons,
            loaded=under_load(window),
            evidence={
                "sm_clock_megahertz": window.get("sm_clock_megahertz"),
                "power_watts": window.get("power_watts"),
                "power_limit_watts": window.get("power_limit_watts"),
                "throttle_reasons": reasons,
            },
        )

    def explain(self, finding: Finding) -> Words:
        """The brake, and the clock that is left."""
        clock = measured(finding.value("sm_clock_megahertz"), "MHz", lead=", SM clock ")
        return Words(
            f"HW power brake{clock}",
            "Check the node's power supplies, the rack's power shelf and the BMC log. "
            "Drain the node after the next checkpoint if the brake stays on.",
        )
