"""The node lives, but its GPU exporter gives no readings."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.signs import SIGN_READS, booting, signs_of_life
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window


class ExporterDown(Rule):
    """The GPU exporter of a living node gives no readings.

    What: dcgm-exporter does not answer, or is no target any more, while the node's
    node_exporter does; or it answers and shows not one of the node's GPUs.

    Why: gpuwatch is blind on that node. An exporter that answers without GPUs is often
    the sign of XID 119: DCGM then stops asking the driver for the whole node.

    First response: read the exporter's log and restart it with its host engine; if no
    GPU comes back, look for XID 119 or 120 in the kernel log and reset the GPUs.

    Source: dcgm.md 7 (6) and 8: any collector error is an HTTP 500 for the whole page;
    a hot reload empties it for 2-3 seconds, hence three polls.
    """

    name = "exporter_down"
    category = Category.TELEMETRY
    scope = Scope.NODE
    samples = (3, 3)
    yields_to = ("xid", "node_silent")
    yields_within_seconds = 600.0
    reads = (*SIGN_READS, Read("boot_time_seconds", required=False))

    class Params(RuleParams):
        """Timing of exporter_down."""

        hold: Seconds = Field(60.0, ge=0, description="must be silent this long")

    def judge(self, window: Window) -> Verdicts:
        """By node; UNKNOWN where the node itself does not answer, or just booted."""
        signs = signs_of_life(window)
        empty = (signs.gpus > 0) & (signs.present == 0)
        no_target = np.isnan(signs.exporter_up) & empty & signs.anybody
        dead = ((signs.exporter_up == 0) | no_target) & (signs.node_exporter_up == 1)
        hollow = (signs.exporter_up == 1) & empty
        firing = (dead | hollow) & ~booting(window) & ~signs.retired
        well = signs.answers & ~empty & ~dead
        answers = np.where(hollow, 1.0, 0.0)
        return Verdicts(
            firing=firing,
            known=firing | well,
            evidence={
                "exporter_answers": np.where(firing, answers, np.nan),
                "gpus_without_readings": np.where(
                    firing, signs.gpus.astype(np.float64), np.nan
                ),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """Silent, or answering without GPUs."""
        if finding.value("exporter_answers", 0.0) == 1:
            return Words(
                "GPU exporter answers but shows no GPU",
                "Look for XID 119 or 120 in the kernel log; restart the exporter with "
                "its host engine, and reset the GPUs if they stay away.",
            )
        return Words(
            "GPU exporter does not answer, node lives",
            "Read the log of dcgm-exporter on the node and restart it.",
        )
