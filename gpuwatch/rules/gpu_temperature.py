"""The GPU is near or beyond the temperature at which it slows down."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.heat import (
    LONGEST_WINDOW_SECONDS,
    HeatParams,
    either,
    heat,
    plausible,
)
from gpuwatch.model.limits import SLOWDOWN_ABOVE_OPERATING_CELSIUS, limit_columns
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column
from gpuwatch.model.throttle import HW_THERMAL, SW_THERMAL
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits

TEMPERATURE = "gpu_temperature_celsius"
MARGIN_TOLERANCE_CELSIUS = 6.0


class GpuTemperature(Rule):
    """The GPU is near or beyond the temperature at which it slows down.

    What: Within 3 °C of its operating limit for most of 5 minutes (warning), or above
    its hardware slowdown limit for most of 2 (critical). Limits are the device's own
    where exported; else its thermal margin, where temperature or a throttle bit agrees
    with it; else a table by model; else 90 °C.

    Why: At the limit the GPU slows itself down and its whole job with it; some degrees
    above it the hardware switches off.

    First response: Check fans, inlet temperature and coolant. One GPU only: its heat
    sink or cold plate. Drain the node after the next checkpoint if it stays beyond the
    limit.

    Source: 3 °C and 5 minutes, slowdown and 2 minutes: between NVSentinel (margin below
    -2, B200 -3, one poll), OCI (98 % of the slowdown limit, 15 minutes) and gpud. One
    threshold for all models does not work: sites retune it from 79 to 92 °C. Some H100
    report a margin of 0 or below at any temperature (gpud issue 1208).
    """

    class Params(HeatParams):
        """Thresholds of gpu_temperature."""

        fallback_celsius: float = Field(
            90.0, ge=60, le=110, description="limit of a model that nothing is known of"
        )

    name = "gpu_temperature"
    category = Category.THERMAL
    symptom = True
    yields_to = ("thermal_slowdown", "straggler")
    reads = (
        Read(TEMPERATURE, LONGEST_WINDOW_SECONDS),
        Read("slowdown_temperature_celsius", required=False),
        Read("max_operating_temperature_celsius", required=False),
        Read("thermal_margin_celsius", required=False),
        Read("throttle_reasons", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Near or beyond the limit for long; UNKNOWN without a temperature."""
        celsius = window.get(TEMPERATURE)
        operating, slowdown = self._limits(window)
        hot = heat(window, TEMPERATURE, operating, slowdown, self.params)
        return judged(
            hot.any,
            celsius,
            severity=hot.severity(self.params),
            since=hot.since,
            evidence={
                TEMPERATURE: celsius,
                "operating_limit_celsius": operating,
                "slowdown_limit_celsius": slowdown,
                "thermal_margin_celsius": window.get("thermal_margin_celsius"),
                "throttle_reasons": window.get("throttle_reasons"),
            },
        )

    def _limits(self, window: Window) -> tuple[Column, Column]:
        """Operating and slowdown limit of every row, float64[rows], never NaN."""
        usual_operating, usual_slowdown, gap = self._usual(window)
        own_slowdown = plausible(window.get("slowdown_temperature_celsius"))
        exported = plausible(window.get("max_operating_temperature_celsius"))
        own_operating = either(exported, own_slowdown - gap)
        implied = either(own_operating, _implied_by_margin(window, usual_operating))
        operating = either(implied, usual_operating)
        above = np.where(np.isnan(implied), usual_slowdown, implied + gap)
        return operating, either(own_slowdown, above)

    def _usual(self, window: Window) -> tuple[Column, Column, Column]:
        """The table's limits, and by how much the slowdown lies above operating."""
        table = limit_columns(window.now.fleet, window.now.rows)
        gap = either(
            table.slowdown_celsius - table.operating_celsius,
            SLOWDOWN_ABOVE_OPERATING_CELSIUS,
        )
        slowdown = either(table.slowdown_celsius, self.params.fallback_celsius)
        unknown = np.isnan(table.slowdown_celsius)
        operating = either(
            table.operating_celsius, np.where(unknown, slowdown, slowdown - gap)
        )
        return operating, slowdown, gap

    def explain(self, finding: Finding) -> Words:
        """The temperature, and which limit it met."""
        beyond = finding.severity is Severity.CRITICAL
        celsius = measured(finding.value(TEMPERATURE), "°C")
        if beyond:
            return Words(
                f"GPU beyond its slowdown limit{celsius}",
                "Check fans, inlet temperature and coolant now. Drain the node after "
                "the next checkpoint; the hardware switches off a few degrees higher.",
            )
        return Words(
            f"GPU near its temperature limit{celsius}",
            "Check fans, inlet temperature and coolant; for one GPU alone its heat "
            "sink or cold plate.",
        )


def _implied_by_margin(window: Window, usual_operating: Column) -> Column:
    """Temperature plus margin is the operating limit, where something agrees.

    Agreed: a heat bit is set, or the sum lies within 6 °C of what the model's limit
    should be. A margin stuck at 0 adds up to a nonsense limit on a cool GPU.
    """
    implied = window.get(TEMPERATURE) + window.get("thermal_margin_celsius")
    usual = np.abs(implied - usual_operating) <= MARGIN_TOLERANCE_CELSIUS
    heated = has_bits(window.get("throttle_reasons"), SW_THERMAL | HW_THERMAL)
    return np.where(usual | heated, implied, np.nan)
