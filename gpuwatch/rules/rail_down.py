"""A network port that was in use and is down."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.signs import booting
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

COUNT, NUMBER = "rails_down_count", "down_rail_number"
PORT = "port_number"


class RailDown(Rule):
    """A network port of a node is down.

    What: An InfiniBand or RoCE port is not in state "active" for a minute, although it
    was 10 minutes, 2 hours or a day ago, or although the port of that name is on most
    of at least four nodes. Ports that were never up do not count, nor do the 10 minutes
    after a boot.

    Why: NCCL hangs, ends the job or falls back to fewer rails, and everybody in the job
    waits.

    First response: `ibstat` on the node; reseat cable and transceiver; look at the
    switch's port and at what happened to its neighbours. Drain the node until it is up.

    Source: NVSentinel (any link_downed is fatal), gpud (down for 25 s), Azure
    healthagent; StepFun's trace: link down is 40 of 584 node faults. A minute outlasts
    a port that trains anew.
    """

    class Params(RuleParams):
        """Timing of rail_down."""

        hold: Seconds = Field(60.0, ge=0, description="must be down this long")

    name = "rail_down"
    category = Category.INTERCONNECT
    scope = Scope.NODE
    slows_job = True
    yields_to = ("node_silent",)
    reads = (Read(COUNT, required=False), Read(NUMBER, required=False))
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """By node; UNKNOWN where port states are not exported."""
        count = window.now.node_column(COUNT)
        known = ~np.isnan(count) & ~booting(window)
        down = known & (count > 0)
        number = window.now.node_column(NUMBER)
        return Verdicts(
            firing=down,
            known=known,
            evidence={
                COUNT: np.where(down, count, np.nan),
                PORT: np.where(down, number, np.nan),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """How many, or which."""
        count, port = finding.value(COUNT, 1.0), finding.value(PORT, -1.0)
        which = f"Network port {port:.0f}" if port >= 0 else "A network port"
        return Words(
            f"{count:.0f} network ports down" if count > 1 else f"{which} is down",
            "Run ibstat on the node, reseat cable and transceiver, look at the switch. "
            "Drain the node until the port is up.",
        )
