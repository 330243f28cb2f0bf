"""Hour by hour hotter at the same work."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.boards import (
    LIMIT_READS,
    Boards,
    boards_of,
    operating_limit_celsius,
)
from gpuwatch.model.drift import Drift, drifted, ring_of
from gpuwatch.model.duration import Seconds, say_duration
from gpuwatch.model.grouped import spread
from gpuwatch.model.nodes import against_usual, code_of_node
from gpuwatch.model.phrase import measured
from gpuwatch.model.replay import LOOKED_AT, Replay
from gpuwatch.model.residual import RESIDUAL_READS, TEMPERATURE, Explained, explained
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Severity
from gpuwatch.model.slot_memory import SlotMemory
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

RISE, NODE_RISE = "rise_celsius", "node_rise_celsius"
RATE, HOURS = "celsius_per_hour", "hours_to_limit"
READING_SECONDS, HOUR = 600.0, 3600.0
REPLAY = Replay(READING_SECONDS, (TEMPERATURE, RISE, NODE_RISE, RATE, HOURS))


class TemperatureDrift(Rule):
    """Hour by hour hotter at the same work.

    What: What neither slot, power nor node explains of a GPU's temperature rises by
    4 °C or more, steadily, over the last 6, 12 or 24 hours; or a whole node rises so by
    6 °C against the other nodes of its model. It ends when half of that is gone. Info;
    a warning when at this rate the limit is less than a day away. One jump (another
    job, another power) is no drift. UNKNOWN until the GPU was under steady load in most
    half hours of the last six.

    Why: Paste that dries, a fan that wears out and a filter that clogs give hours to
    days of notice before the GPU brakes its whole job.

    First response: Plan a look at heat sink, cold plate and fans before the limit is
    reached; for a whole node at filters, fans and coolant flow.

    Source: straggler.md section 4, fault 6 (+1 °C an hour); Theil-Sen slope and
    Mann-Kendall z above 3 over half-hour means (section 3.1). 4 °C is more than the
    2 % that a day's heat moves (Llama 3).
    """

    class Params(RuleParams):
        """Thresholds of temperature_drift; `severity` is the worst it says.

        `notify` is `channel`: a warning is for the day, and no early sign may page.
        """

        severity: Severity = Severity.WARNING
        notify: Notify = Notify.CHANNEL
        least_celsius: float = Field(
            4.0, ge=2, description="a GPU's rise within 24 hours that is told"
        )
        node_celsius: float = Field(
            6.0, ge=2, description="a whole node's rise that is told"
        )
        limit_within: Seconds = Field(
            86_400.0, ge=0, description="a warning when the limit is nearer than this"
        )

    name = "temperature_drift"
    category = Category.THERMAL
    statistical = True
    yields_to = ("thermal_slowdown", "gpu_temperature", "straggler")
    reads = (*RESIDUAL_READS, *LIMIT_READS)
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """A reading every ten minutes, a verdict every half hour, told in between."""
        celsius = window.get(TEMPERATURE)
        alive = ~np.isnan(celsius)
        again = REPLAY.again(window, alive)
        if not REPLAY.due(window):
            return again
        boards = boards_of(window.now.fleet, window.now.rows)
        memory = SlotMemory.recalled(window)
        seen = explained(window, boards, memory.trusted)
        looked = {LOOKED_AT: np.array([window.now.at])}
        keep = {**looked, **memory.taught(window, seen)}
        own, nodes, rings = self._drifts(window, boards, seen)
        keep |= rings
        if own is None or nodes is None:
            return Verdicts(
                again.firing, again.known, severity=again.severity,
                evidence=again.evidence, keep=keep,
            )  # fmt: skip
        return self._verdicts(window, boards, own, nodes, keep)

    def _drifts(
        self, window: Window, boards: Boards, seen: Explained
    ) -> tuple[Drift | None, Drift | None, Mapping[str, Column]]:
        """Of GPUs and of nodes; None while no half hour has ended."""
        node_of = window.now.fleet.node_of[: window.now.rows]
        codes = code_of_node(boards.code, node_of, len(seen.node_celsius))
        readings = {
            "gpu": (seen.residual_celsius, self.params.least_celsius),
            "node": (
                against_usual(seen.node_celsius, codes), self.params.node_celsius,
            ),
        }  # fmt: skip
        keep: dict[str, Column] = {}
        found: list[Drift | None] = []
        for prefix, (value, least) in readings.items():
            ring = ring_of(window, prefix, len(value))
            keep |= ring.added(value)
            history = ring.history(keep)
            drift = None
            if history is not None:
                drift, level = drifted(window, prefix, history, least)
                keep |= level
            found.append(drift)
        return found[0], found[1], keep

    def _verdicts(
        self,
        window: Window,
        boards: Boards,
        own: Drift,
        nodes: Drift,
        keep: Mapping[str, Column],
    ) -> Verdicts:
        node_of = window.now.fleet.node_of[: window.now.rows]
        node_rise, node_rate = (
            spread(nodes.rise, node_of),
            spread(nodes.per_hour, node_of),
        )
        known = own.known & ~np.isnan(window.get(TEMPERATURE))
        firing = known & (own.on | ~np.isnan(node_rise))
        rate = np.where(own.on, own.per_hour, node_rate)
        left = operating_limit_celsius(window, boards) - window.get(TEMPERATURE)
        hours = np.maximum(left, 0.0) / np.where(rate > 0, rate, np.nan)
        shown = {
            TEMPERATURE: window.get(TEMPERATURE), RISE: own.rise,
            NODE_RISE: np.where(own.on, np.nan, node_rise), RATE: rate, HOURS: hours,
        }  # fmt: skip
        severity = self._severity(hours)
        kept = REPLAY.kept(window.now.at, firing, known, severity, shown)
        evidence = {name: np.where(firing, v, np.nan) for name, v in shown.items()}
        return Verdicts(
            firing, known, severity=severity, evidence=evidence, keep={**keep, **kept}
        )

    def _severity(self, hours: Column) -> NDArray[np.int64]:
        soon: Mask = hours * HOUR < self.params.limit_within
        quiet = min(Severity.INFO, self.params.severity)
        loud = min(Severity.WARNING, self.params.severity)
        return np.where(soon, loud, quiet).astype(np.int64)

    def explain(self, finding: Finding) -> Words:
        """By how much it rose, and when the limit is reached."""
        own, node = finding.value(RISE), finding.value(NODE_RISE)
        hours = finding.value(HOURS)
        before = "."
        if not np.isnan(hours):
            before = f": at this rate its limit is {say_duration(hours * HOUR)} away."
        if np.isnan(own) and not np.isnan(node):
            return Words(
                f"Node drifts hotter{measured(node, '°C', ' by ')}",
                f"Check filters, fans and coolant flow soon{before}",
            )
        return Words(
            f"Drifts hotter{measured(own, '°C', ' by ')}",
            f"Plan a look at heat sink, cold plate and fan{before}",
        )
