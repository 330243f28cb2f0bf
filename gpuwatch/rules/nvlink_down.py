"""NVLinks that are down where they used to be up."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.causes import alive
from gpuwatch.model.duration import Seconds
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.limits import model_codes
from gpuwatch.model.load import LOAD_READS, at_work
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

METRIC, FEWEST = "nvlinks_down", "fewest_links_down"


class NvlinkDown(Rule):
    """NVLinks of a GPU are down.

    What: more links in state "down" than the best GPU of its node ever had, or than is
    usual for its model, for 60 seconds. Critical while the GPU works for a job, else a
    warning. Boards whose spare links were never up do not count, nor do the 10 minutes
    after a boot.

    Why: NCCL falls back to slower paths or hangs, and everybody in the job waits.

    First response: run `nvidia-smi nvlink -s`; see whether the fabric manager runs;
    drain the node and reset its GPUs, then check the seating.

    Source: NVSentinel issues 1701 (alarms at boot), 1481 (PCIe boards without NVLink),
    883 (fabric manager dead for 20 days); gpud 1085, 1227.
    """

    name = "nvlink_down"
    category = Category.INTERCONNECT
    slows_job = True
    yields_to = ("xid",)
    reads = (Read(METRIC), *LOAD_READS)

    class Params(RuleParams):
        """`severity` is that of a GPU at work; an idle one is a warning at most."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(60.0, ge=0, description="must be down this long")

    def judge(self, window: Window) -> Verdicts:
        """Links down against those that are always down; UNKNOWN if not exported."""
        down, fleet = alive(window, METRIC), window.now.fleet
        fewest = np.fmin(down, window.recall(FEWEST))
        extra = down - _always_down(down, fewest, fleet)
        idle = min(self.params.severity, Severity.WARNING)
        busy = at_work(window) | _has_job(window)
        return Verdicts(
            firing=extra > 0,
            known=~np.isnan(down),
            severity=np.where(busy, self.params.severity, idle).astype(np.int64),
            evidence={"nvlinks_down": np.where(down > 0, down, np.nan)},
            keep={FEWEST: fewest},
        )

    def explain(self, finding: Finding) -> Words:
        """How many links."""
        down = finding.value(METRIC, 0.0)
        many = f"{down:.0f} NVLinks down" if down > 1 else "NVLink down"
        return Words(
            many,
            "Run nvidia-smi nvlink -s on the node and check that the fabric manager "
            "runs. Drain the node and reset its GPUs.",
        )


def _always_down(down: Column, fewest: Column, fleet: Fleet) -> Column:
    """Per row: the best of its node so far, or the median of its model if lower."""
    node_of = fleet.node_of[: len(down)]
    best = np.full(len(fleet.nodes), np.inf)
    np.minimum.at(best, node_of, np.where(np.isnan(fewest), np.inf, fewest))
    base = best[node_of]
    suspects = down > 0
    if not suspects.any():
        return base
    models, _ = model_codes(fleet, len(down))
    for model in np.unique(models[suspects]):
        mine = models == model
        usual = np.median(down[mine & ~np.isnan(down)])
        base[mine] = np.minimum(base[mine], np.floor(usual))
    return base


def _has_job(window: Window) -> Mask:
    jobs = window.now.job_of
    nobody: Mask = np.zeros(window.now.rows, bool)
    return nobody if jobs is None else jobs >= 0
