"""The GPU's memory is near or beyond the temperature at which it slows down."""

from __future__ import annotations

from pydantic import Field

from gpuwatch.model.heat import (
    LONGEST_WINDOW_SECONDS,
    HeatParams,
    either,
    heat,
    plausible,
)
from gpuwatch.model.limits import limit_columns
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window

TEMPERATURE = "memory_temperature_celsius"


class MemoryTemperature(Rule):
    """The GPU's memory is near or beyond the temperature at which it slows down.

    What: Memory (HBM) within 3 °C of its operating limit for most of 5 minutes
    (warning), or above it for most of 2 (critical). The limit is the device's own where
    exported, else from a table by model, else 95 °C. Boards without HBM report none:
    UNKNOWN.

    Why: Memory heats apart from the die. Beyond its limit the GPU slows down while the
    GPU temperature still looks good.

    First response: Check fans, inlet temperature and coolant. One GPU only: its heat
    sink or cold plate. Drain the node after the next checkpoint if it stays beyond the
    limit.

    Source: gpud compares with the device's own memory limit; 95 °C is what A100 and
    H100 state, 85 °C V100. Times as in gpu_temperature.
    """

    class Params(HeatParams):
        """Thresholds of memory_temperature."""

        fallback_celsius: float = Field(
            95.0, ge=60, le=120, description="limit of a model that nothing is known of"
        )

    name = "memory_temperature"
    category = Category.THERMAL
    symptom = True
    yields_to = ("thermal_slowdown", "gpu_temperature", "straggler")
    reads = (
        Read(TEMPERATURE, LONGEST_WINDOW_SECONDS),
        Read("memory_max_operating_temperature_celsius", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Near or beyond the limit for long; UNKNOWN without a temperature."""
        celsius = window.get(TEMPERATURE)
        limit = self._limit(window)
        hot = heat(window, TEMPERATURE, limit, limit, self.params)
        return judged(
            hot.any,
            celsius,
            severity=hot.severity(self.params),
            since=hot.since,
            evidence={TEMPERATURE: celsius, "memory_limit_celsius": limit},
        )

    def _limit(self, window: Window) -> Column:
        own = plausible(window.get("memory_max_operating_temperature_celsius"))
        usual = limit_columns(window.now.fleet, window.now.rows)
        table = either(usual.memory_operating_celsius, self.params.fallback_celsius)
        return either(own, table)

    def explain(self, finding: Finding) -> Words:
        """The temperature, and which limit it met."""
        beyond = finding.severity is Severity.CRITICAL
        celsius = measured(finding.value(TEMPERATURE), "°C")
        if beyond:
            return Words(
                f"GPU memory beyond its limit{celsius}",
                "Check fans, inlet temperature and coolant now. Drain the node after "
                "the next checkpoint; the memory slows its job down.",
            )
        return Words(
            f"GPU memory near its temperature limit{celsius}",
            "Check fans, inlet temperature and coolant; for one GPU alone its heat "
            "sink or cold plate.",
        )
