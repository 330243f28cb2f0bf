"""A network rail that carries less than its siblings in the same node."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.signs import booting
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

SHARE, NUMBER = "rail_share_ratio", "slowest_rail_number"
LESS, RAIL = "rail_carries_less_percent", "rail_number"


class RailSlow(Rule):
    """A network rail carries less than its siblings in the same node.

    What: One InfiniBand or RoCE port sends 10 % less than the median of its node, for a
    minute of 2-minute means, while six of its siblings (or all but one) carry more than
    5 % of line rate and all but one agree within 5 %. Siblings are ports that carried
    the same an hour or a day ago, or whose namesakes do on most other nodes; storage
    and management ports are not, nor is a port that carries nothing. Uneven load, such
    as expert parallelism's, is UNKNOWN.

    Why: A collective is as fast as its slowest rail, so the whole job waits for one
    cable, transceiver or switch port. Nothing on the GPU shows it.

    First response: Look at the port's error counters and its link (`ibstat`,
    `mlxlink -d`), reseat or replace cable and transceiver, look at the switch's port.

    Source: straggler.md 3.2 (rails of a healthy node agree within 0.1 %, one of them
    structurally within 3 %) and section 5 (S_rail: below 0.90 of the others).
    """

    class Params(RuleParams):
        """Thresholds of rail_slow."""

        hold: Seconds = Field(60.0, ge=0, description="must be bad this long")
        less_percent: float = Field(
            10.0, gt=0, lt=100, description="traffic below that of its siblings"
        )

    name = "rail_slow"
    category = Category.INTERCONNECT
    scope = Scope.NODE
    slows_job = True
    yields_to = ("rail_down",)
    reads = (Read(SHARE, required=False), Read(NUMBER, required=False))
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """By node; UNKNOWN while its rails are idle, uneven or not exported."""
        share = window.now.node_column(SHARE)
        known = ~np.isnan(share) & ~booting(window)
        slow = known & (share <= 1 - self.params.less_percent / 100)
        number = window.now.node_column(NUMBER)
        return Verdicts(
            firing=slow,
            known=known,
            evidence={
                LESS: np.where(slow, (1 - share) * 100, np.nan),
                RAIL: np.where(slow, number, np.nan),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """Which rail, and how much less it carries."""
        rail, less = finding.value(RAIL, -1.0), finding.value(LESS, 0.0)
        which = f"Network rail {rail:.0f}" if rail >= 0 else "A network rail"
        return Words(
            f"{which} carries {less:.0f} % less",
            "Look at the port's errors and link (ibstat, mlxlink), reseat or replace "
            "cable and transceiver, and look at the switch's port.",
        )
