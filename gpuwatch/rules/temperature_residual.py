"""Hotter than its slot, its power and its peers explain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.boards import (
    LIMIT_READS,
    Boards,
    boards_of,
    operating_limit_celsius,
)
from gpuwatch.model.causes import KEPT_CAUSES, Cause, weighed
from gpuwatch.model.duration import Seconds
from gpuwatch.model.grouped import spread
from gpuwatch.model.limits import SLOWDOWN_ABOVE_OPERATING_CELSIUS
from gpuwatch.model.nodes import above_others, code_of_node
from gpuwatch.model.phrase import measured
from gpuwatch.model.replay import Replay
from gpuwatch.model.residual import RESIDUAL_READS, TEMPERATURE, Explained, explained
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Severity
from gpuwatch.model.slot_memory import SlotMemory
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

OWN, NODE = "above_expected_celsius", "node_above_others_celsius"
EXPECTED, LEFT = "expected_celsius", "left_to_slowdown_celsius"
LOOK_SECONDS = 60.0
REPLAY = Replay(LOOK_SECONDS, (TEMPERATURE, EXPECTED, OWN, NODE, LEFT))


@dataclass(frozen=True)
class _Odd:
    """How far above, float64[rows], and where that is too far."""

    celsius: Column
    fires: Mask

    @property
    def cause(self) -> Cause:
        """To be weighed with the others."""
        return Cause(self.fires, ~np.isnan(self.celsius))

    @property
    def told(self) -> Column:
        """As evidence: only where it is too far."""
        return np.where(self.fires, self.celsius, np.nan)


class TemperatureResidual(Rule):
    """Hotter than its slot, its power and its peers explain.

    What: Under steady load for 5 minutes at least 10 °C, and at least 6 times the usual
    scatter (taken to be 3 °C or more), above what a fit over the fleet expects of this
    slot at this power on this node. Or all of a node 10 °C above the other nodes of its
    model: told once, for the node. Info; a warning with less than 5 °C left to the
    slowdown limit. With fewer than 12 GPUs of a kind at work the GPU's own place among
    its siblings is learned for two hours first. UNKNOWN for idle GPUs, while power
    changes, for MIG instances, and with fewer than three GPUs of the node at work.

    Why: A worn heat sink, dry paste, a blocked cold plate or a failing fan shows hours
    to weeks before anything throttles, and no fixed line sees it: healthy slots of one
    node differ by 14 °C.

    First response: Nothing at once. Look at heat sink, cold plate and fans in the next
    maintenance window; for a whole node at its fans, filters, inlet and coolant.

    Source: straggler.md section 1.7: a fit by slot and power over 247 H100 finds two
    GPUs 20 and 27 °C over expectation that no fixed rule sees. 6 times, 3 °C and 5
    minutes: its section 5.
    """

    class Params(RuleParams):
        """Thresholds of temperature_residual; `severity` is the worst it says.

        `notify` is `channel`: a warning is for the day, and no early sign may page.
        """

        severity: Severity = Severity.WARNING
        notify: Notify = Notify.CHANNEL
        hold: Seconds = Field(300.0, ge=0, description="must be bad this long")
        keep_firing: Seconds = Field(900.0, ge=0, description="must be clean this long")
        scatters: float = Field(
            6.0, gt=0, description="so many times the slot's usual scatter is odd"
        )
        least_celsius: float = Field(
            10.0, gt=0, description="and at least this much above expectation"
        )
        node_celsius: float = Field(
            10.0, gt=0, description="a whole node so much above the others is odd"
        )
        margin_celsius: float = Field(
            5.0, ge=0, description="an odd one this near its slowdown is a warning"
        )

    name = "temperature_residual"
    category = Category.THERMAL
    statistical = True
    yields_to = (
        "thermal_slowdown",
        "gpu_temperature",
        "hw_slowdown",
        "power_brake",
        "straggler",
        "temperature_drift",
    )
    load_dependent = True
    reads = (*RESIDUAL_READS, *LIMIT_READS)
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Both comparisons, once a minute; UNKNOWN where neither can be made."""
        celsius = window.get(TEMPERATURE)
        if not REPLAY.due(window):
            return REPLAY.again(window, ~np.isnan(celsius))
        boards = boards_of(window.now.fleet, window.now.rows)
        memory = SlotMemory.recalled(window)
        seen = explained(window, boards, memory.trusted)
        own, node = self._causes(window, boards, seen)
        found = weighed([own.cause, node.cause], window.recall(KEPT_CAUSES))
        left = operating_limit_celsius(window, boards) - celsius
        left = left + SLOWDOWN_ABOVE_OPERATING_CELSIUS
        shown = {
            TEMPERATURE: celsius, EXPECTED: celsius - seen.residual_celsius,
            OWN: own.told, NODE: node.told, LEFT: left,
        }  # fmt: skip
        severity = self._severity(left)
        at, known = window.now.at, found.known & ~np.isnan(celsius)
        keep = REPLAY.kept(at, found.firing, known, severity, shown)
        return Verdicts(
            firing=found.firing & known,
            known=known,
            severity=severity,
            evidence={n: np.where(found.firing, v, np.nan) for n, v in shown.items()},
            keep={KEPT_CAUSES: found.bits, **keep, **memory.taught(window, seen)},
        )

    def _causes(
        self, window: Window, boards: Boards, seen: Explained
    ) -> tuple[_Odd, _Odd]:
        """The GPU itself, and its node."""
        node_of = window.now.fleet.node_of[: window.now.rows]
        codes = code_of_node(boards.code, node_of, len(seen.node_celsius))
        ahead = spread(above_others(seen.node_celsius, codes), node_of)
        own = seen.residual_celsius
        ahead = np.where(np.isnan(own), np.nan, ahead)
        least = np.maximum(
            self.params.scatters * seen.scale_celsius, self.params.least_celsius
        )
        return _Odd(own, own >= least), _Odd(ahead, ahead >= self.params.node_celsius)

    def _severity(self, margin: Column) -> NDArray[np.int64]:
        near = margin < self.params.margin_celsius
        quiet = min(Severity.INFO, self.params.severity)
        loud = min(Severity.WARNING, self.params.severity)
        return np.where(near, loud, quiet).astype(np.int64)

    def explain(self, finding: Finding) -> Words:
        """By how much, and whether it is the GPU or its whole node."""
        node, own = finding.value(NODE), finding.value(OWN)
        if not np.isnan(node) and np.isnan(own):
            return Words(
                f"Whole node hotter than others{measured(node, '°C')}",
                "Check the node's fans, filters, inlet temperature and coolant flow; "
                "nothing throttles yet.",
            )
        return Words(
            f"Hotter than load explains{measured(own, '°C')}",
            "Look at its heat sink or cold plate, paste and fan in the next "
            "maintenance window; nothing throttles yet.",
        )
