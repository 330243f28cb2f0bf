"""A GPU without peers whose own clock fell under the same work."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.load import LOAD_READS, at_work
from gpuwatch.model.peers import FEWEST_PEERS
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.stride import Crew
from gpuwatch.model.throttle import SW_POWER_CAP
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, has_bits

CLOCK = "sm_clock_megahertz"
REASONS = "throttle_reasons"
LOST = "clock_lost_percent"
LESS_POWER = 0.9


class ClockDrop(Rule):
    """A GPU without peers whose own clock fell under the same work.

    What: For jobs of fewer than six GPUs, which straggler cannot judge: the SM clock is
    20 % below the GPU's own usual one in this job, for a minute at work. Not where the
    power cap is the reason (bit 0x4); where nobody exports throttle reasons, only if
    the power fell by 10 % too, for a heavier phase lowers the clock at full power.

    Why: A small job has nobody to be compared with, and waits for its slow GPU alike.

    First response: `nvidia-smi -q -d CLOCK,POWER,PERFORMANCE`: undo a locked clock or a
    power limit; else look at cooling and power supply.

    Source: Healthy silicon and phases move the clock by up to 8 % without a cap;
    resiliency tools of NVIDIA call 25 % below one's own best a straggler.
    """

    class Params(RuleParams):
        """Thresholds of clock_drop."""

        hold: Seconds = Field(60.0, ge=0, description="must be bad this long")
        lost_percent: float = Field(
            20.0, gt=0, lt=100, description="below its own usual clock"
        )

    name = "clock_drop"
    category = Category.STRAGGLER
    statistical = True
    symptom = True
    load_dependent = True
    samples = (3, 4)
    yields_to = (
        "thermal_slowdown",
        "power_brake",
        "hw_slowdown",
        "straggler",
        "xid",
        "gpu_temperature",
    )
    reads = (*LOAD_READS, Read(CLOCK), Read(REASONS, required=False))
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Compare with the own past; UNKNOWN with peers, and without a stride."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(window.now.rows)
        busy = at_work(window) & window.now.present
        lost = 1 - window.get(CLOCK) / crew.stride.kept_megahertz
        peers = crew.company.counts(busy & ~np.isnan(window.get(CLOCK)))
        peerless = crew.company.rows_in(peers < FEWEST_PEERS)
        known = busy & crew.steady & peerless & ~np.isnan(lost)
        firing = known & (lost >= self.params.lost_percent / 100)
        return Verdicts(
            firing=firing & _unexplained(window, crew),
            known=known,
            loaded=busy,
            evidence=_evidence(window, lost),
        )

    def explain(self, finding: Finding) -> Words:
        """Which clock, and how much less than before."""
        clock = measured(finding.value(CLOCK), "MHz", " ")
        lost = finding.value(LOST, 0.0)
        return Words(
            f"SM clock{clock}, {lost:.0f} % below its own usual",
            "Run nvidia-smi -q -d CLOCK,POWER,PERFORMANCE on the node: undo a locked "
            "clock or power limit; else look at cooling and power supply.",
        )


def _unexplained(window: Window, crew: Crew) -> Mask:
    """No power cap, or at least less power than usual."""
    reasons = window.get(REASONS)
    share = crew.stride.recent_watts / crew.stride.kept_watts
    unknown = np.isnan(reasons)
    plain = ~unknown & ~has_bits(reasons, SW_POWER_CAP)
    found: Mask = plain | (unknown & (share <= LESS_POWER))
    return found


def _evidence(window: Window, lost: Column) -> dict[str, Column]:
    return {
        CLOCK: window.get(CLOCK),
        LOST: np.where(lost > 0, lost * 100, np.nan),
        "power_watts": window.get("power_watts"),
        REASONS: window.get(REASONS),
    }
