"""Clocks cut because the GPU or its memory is too hot."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.clocks import CLOCK_READS, clock_is_down
from gpuwatch.model.duration import Seconds
from gpuwatch.model.load import under_load
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.sustained import Sustained, sustained
from gpuwatch.model.throttle import HW_THERMAL, SW_THERMAL
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits

REASONS = "throttle_reasons"
VIOLATION = "thermal_violation_seconds"
LONGEST_WINDOW_SECONDS = 300.0
FEWEST_READINGS = 4
FEWEST_HITS = 3
SOFT_CLOCK_LOST = 0.05
FRESH_READINGS = 3
IMPOSSIBLE_RATE = 1.5


class ThermalSlowdown(Rule):
    """Clocks cut because the GPU or its memory is too hot.

    What: Throttle bit 0x40 (HW thermal slowdown) in two distinct samples, or 0x20 with
    a clock 5 % below that of the peers; or 0x20 or 0x40 in a third of the last 3
    minutes' readings and in at least 3 of them, so that a GPU which throttles on and
    off is caught and a blip is not; or either bit seen while the thermal violation
    counter ran for more than 20 % of that time. The last two need 4 readings, and a bit
    in one of the last 3, so that what is over does not linger. 0x20 without a fall of
    the clock is a warning. Power cap (0x4), idle (0x1) and unknown bits never count.

    Why: The hardware at least halves its clocks at 0x40. In a synchronous job everybody
    waits for the slowest GPU: one of 128 took all-reduce from 350 to 100 GB/s while
    every other GPU showed 100 % utilisation.

    First response: Drain the node after the next checkpoint. Several hot GPUs on one
    node: fans, inlet temperature, coolant. A single one: its heat sink, its cold plate
    or dust.

    Source: Bits: dcgm_fields.h. A third of the readings: a GPU cycling around its limit
    shows the bit in 40-50 % of samples. 20 % of the time: OCI's HPC alert rules;
    any violation at all is part of GPU Boost (DCGM issue 285).
    """

    class Params(RuleParams):
        """Thresholds of thermal_slowdown."""

        severity: Severity = Severity.CRITICAL
        window: Seconds = Field(
            180.0,
            ge=60,
            le=LONGEST_WINDOW_SECONDS,
            description="how far back to look for throttling on and off",
        )
        throttled_percent: float = Field(
            33.0, gt=0, le=100, description="readings of the window with a thermal bit"
        )
        violation_percent: float = Field(
            20.0, gt=0, le=100, description="time of the window held back by heat"
        )

    name = "thermal_slowdown"
    category = Category.THERMAL
    load_dependent = True
    slows_job = True
    reads = (
        Read(REASONS, LONGEST_WINDOW_SECONDS),
        Read(VIOLATION, LONGEST_WINDOW_SECONDS, required=False),
        Read("gpu_temperature_celsius", required=False),
        Read("memory_temperature_celsius", required=False),
        *CLOCK_READS,
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Heat bits now or in much of the window; UNKNOWN without throttle reasons."""
        reasons = window.get(REASONS)
        seen = sustained(window, REASONS, self.params.window, _thermal)
        held = _held_back(window, self.params.window)
        enough = (seen.readings >= FEWEST_READINGS) | seen.covers(self.params.window)
        soft = has_bits(reasons, SW_THERMAL)
        slow = soft & clock_is_down(window, soft, SOFT_CLOCK_LOST)
        hard = has_bits(reasons, HW_THERMAL)
        firing = hard | slow | (enough & self._is_lasting(seen, held))
        undecided = soft & ~firing & ~enough
        return judged(
            firing,
            np.where(undecided, np.nan, reasons),
            severity=self._severity(hard | clock_is_down(window, firing)),
            loaded=under_load(window),
            since=np.where(firing, seen.first_at, np.nan),
            evidence=_evidence(window, seen, held),
        )

    def _is_lasting(self, seen: Sustained, held: Column) -> Mask:
        often = seen.share * seen.readings >= FEWEST_HITS
        often = often | seen.covers(self.params.window)
        by_bits = often & (seen.share >= self.params.throttled_percent / 100)
        by_counter = held >= self.params.violation_percent / 100
        lasting: Mask = by_bits | (by_counter & (seen.share > 0))
        return lasting & seen.is_fresh(FRESH_READINGS)

    def _severity(self, loud: Mask) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        own = self.params.severity
        return np.where(loud, own, min(own, Severity.WARNING)).astype(np.int64)

    def explain(self, finding: Finding) -> Words:
        """The kind of slowdown and the temperature."""
        summary = f"{_kind(finding)}{_temperature(finding)}"
        if len({gpu.uuid for gpu in finding.members}) > 2:
            return Words(
                summary,
                "Several GPUs are too hot: look at fans, inlet temperature and coolant "
                "first. Drain the node after the next checkpoint.",
            )
        return Words(
            summary,
            "Drain the node after the next checkpoint. Then check its fans and inlet "
            "temperature, and this GPU's heat sink or cold plate.",
        )


def _thermal(values: np.ndarray) -> np.ndarray:
    return has_bits(values, SW_THERMAL | HW_THERMAL)


def _held_back(window: Window, seconds: float) -> Column:
    """The share of time held back by heat, 0-1; NaN where the unit cannot be ns."""
    risen = window.increase(VIOLATION, seconds)
    span = window.span(VIOLATION, seconds)
    rate = risen / np.where(span > 0, span, np.nan)
    return np.where(rate <= IMPOSSIBLE_RATE, np.minimum(rate, 1.0), np.nan)


def _evidence(window: Window, seen: Sustained, held: Column) -> dict[str, Column]:
    return {
        "gpu_temperature_celsius": window.get("gpu_temperature_celsius"),
        "memory_temperature_celsius": window.get("memory_temperature_celsius"),
        "sm_clock_megahertz": window.get("sm_clock_megahertz"),
        "power_watts": window.get("power_watts"),
        REASONS: _recent_reasons(window),
        "throttled_percent": seen.share * 100,
        "thermal_violation_percent": held * 100,
    }


def _recent_reasons(window: Window) -> Column:
    """The bits of the last readings together: between two pulses none is set."""
    recent = window.history(REASONS, LONGEST_WINDOW_SECONDS)[-FRESH_READINGS:]
    whole = np.where(np.isnan(recent), 0.0, recent).astype(np.int64)
    together = np.bitwise_or.reduce(whole, axis=0).astype(np.float64)
    return np.where(np.isnan(window.get(REASONS)), np.nan, together)


def _kind(finding: Finding) -> str:
    bits = int(finding.evidence.get(REASONS, 0))
    if bits & HW_THERMAL:
        return "HW thermal slowdown"
    if bits & SW_THERMAL:
        return "SW thermal slowdown"
    return "Thermal slowdown, on and off"


def _temperature(finding: Finding) -> str:
    return measured(finding.value("gpu_temperature_celsius"), "°C")
