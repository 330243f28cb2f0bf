"""Hot although nothing runs: the cooling does not work."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.load import power_limit_watts
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Mask
from gpuwatch.model.sustained import sustained
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window

TEMPERATURE = "gpu_temperature_celsius"
POWER, UTILIZATION = "power_watts", "utilization_percent"
LONGEST_WINDOW_SECONDS = 300.0


class HotWhileIdle(Rule):
    """Hot although nothing runs: the cooling does not work.

    What: Above 70 °C for half an hour while utilisation stays below 10 % and power
    below 30 % of the limit. Both must have been low for 5 minutes: a GPU that has just
    gone idle still reads hot. A hot GPU at work is UNKNOWN here, a cool one clear.

    Why: An idle GPU sits at 25 to 45 °C. Near 70 °C a fan, a pump or the heat sink has
    failed, and the next job will be throttled from its first minute.

    First response: Keep jobs off the node. Check fans, coolant flow and inlet
    temperature; compare with the node's other GPUs to tell one heat sink from the whole
    node.

    Source: 70 °C, 10 % and 30 minutes: OCI's HPC alert rules. 30 % of the limit: idle
    boards draw 8 to 20 % of it (dcgm.md section 10).
    """

    class Params(RuleParams):
        """Thresholds of hot_while_idle."""

        hold: Seconds = Field(1800.0, ge=0, description="must be bad this long")
        hot_celsius: float = Field(70.0, ge=30, description="too hot for an idle GPU")
        idle_percent: float = Field(
            10.0, gt=0, description="utilisation of an idle GPU"
        )
        idle_power_percent: float = Field(
            30.0, gt=0, le=100, description="share of the power limit of an idle GPU"
        )
        idle_for: Seconds = Field(
            300.0,
            ge=60,
            le=LONGEST_WINDOW_SECONDS,
            description="how long it must have been idle before it is judged",
        )

    name = "hot_while_idle"
    category = Category.THERMAL
    yields_to = ("thermal_slowdown", "gpu_temperature")
    reads = (
        Read(TEMPERATURE),
        Read(POWER, LONGEST_WINDOW_SECONDS),
        Read(UTILIZATION, LONGEST_WINDOW_SECONDS),
        Read("power_limit_watts", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Hot and idle; UNKNOWN for a hot one that works, or whose load is unknown."""
        temperature = window.get(TEMPERATURE)
        hot = temperature > self.params.hot_celsius
        idle = self._is_idle(window)
        undecided = hot & ~idle
        return judged(
            hot & idle,
            np.where(undecided, np.nan, temperature),
            evidence={
                TEMPERATURE: temperature,
                POWER: window.get(POWER),
                UTILIZATION: window.get(UTILIZATION),
            },
        )

    def _is_idle(self, window: Window) -> Mask:
        p = self.params
        limit = power_limit_watts(window)
        ceiling = np.where(np.isnan(limit), np.inf, limit * p.idle_power_percent / 100)
        low = sustained(window, POWER, p.idle_for, lambda watts: watts < ceiling)
        quiet = sustained(
            window, UTILIZATION, p.idle_for, lambda percent: percent < p.idle_percent
        )
        current = window.get(POWER) + window.get(UTILIZATION)
        steady = low.lasted(p.idle_for, 1.0) & quiet.lasted(p.idle_for, 1.0)
        return steady & ~np.isnan(current)

    def explain(self, finding: Finding) -> Words:
        """The temperature, and that nothing runs."""
        celsius = measured(finding.value(TEMPERATURE), "°C")
        return Words(
            f"Hot while idle{celsius}",
            "Keep jobs off the node. Check fans, coolant flow and inlet temperature; "
            "compare with the node's other GPUs.",
        )
