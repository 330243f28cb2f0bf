"""PCIe packets that had to be sent again."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window

METRIC = "pcie_replays"
WINDOW_SECONDS, SHORTEST_SECONDS = 300.0, 60.0
PER_MINUTE_AND_LANE = np.array([np.nan, 0.15, 0.3, 0.48, 0.96, 1.92, 3.84])
DEFAULT_GENERATION, DEFAULT_LANES = 5.0, 16.0


class PcieReplays(Rule):
    """A GPU's PCIe link repeats more packets than a sound one does.

    What: replays a minute over the last 5 minutes, in both their halves, above what
    DCGM allows for the link's generation and width: 31 a minute for generation 5 x16,
    15 for generation 4 x16. A counter that starts anew with the driver is forgiven.

    Why: a bad riser, slot or cable slows copies to the GPU and often ends in a link
    that retrains slower, or in XID 79.

    First response: reseat the board or its riser in the next maintenance window; look
    for AER lines in the kernel log.

    Source: DCGM's health check, replays per minute and lane by generation
    (DcgmGPUHardwareLimits.h; dcgm.md 11).
    """

    name = "pcie_replays"
    category = Category.INTERCONNECT
    yields_to = ("xid", "pcie_degraded")
    reads = (
        Read(METRIC, WINDOW_SECONDS),
        Read("pcie_link_generation", required=False),
        Read("pcie_link_width", required=False),
        Read("pcie_max_link_generation", required=False),
        Read("pcie_max_link_width", required=False),
    )

    class Params(RuleParams):
        """Thresholds of pcie_replays."""

        limit_ratio: float = Field(
            1.0, gt=0, description="times DCGM's limit for generation and width"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Both halves of the window; UNKNOWN with less than a minute of readings."""
        per_minute = _per_minute(window, WINDOW_SECONDS)
        lately = _per_minute(window, WINDOW_SECONDS / 2)
        limit = _limit_per_minute(window) * self.params.limit_ratio
        return judged(
            (per_minute > limit) & (lately > limit),
            per_minute,
            lately,
            evidence={
                "replays_per_minute": per_minute,
                "replays_allowed_per_minute": limit,
                "pcie_link_generation": window.get("pcie_link_generation"),
                "pcie_link_width_lanes": window.get("pcie_link_width"),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """The rate beside the limit."""
        rate = finding.value("replays_per_minute", 0.0)
        summary = "PCIe link repeats many packets"
        if rate >= 1:
            summary = f"{rate:.0f} PCIe replays a minute"
        return Words(
            summary,
            "Look for AER lines in the kernel log; reseat the board or its riser in "
            "the next maintenance window.",
        )


def _per_minute(window: Window, seconds: float) -> Column:
    span = window.span(METRIC, seconds)
    enough = span >= SHORTEST_SECONDS
    return window.increase(METRIC, seconds) * 60 / np.where(enough, span, np.nan)


def _limit_per_minute(window: Window) -> Column:
    """By the link's best generation: the present one falls when the GPU idles."""
    generation = _best(window, "pcie_max_link_generation", "pcie_link_generation")
    known = np.where(np.isnan(generation), DEFAULT_GENERATION, generation)
    index = np.clip(known, 1, len(PER_MINUTE_AND_LANE) - 1).astype(np.int64)
    width = window.get("pcie_link_width")
    width = np.where(np.isnan(width), window.get("pcie_max_link_width"), width)
    lanes = np.where(np.isnan(width), DEFAULT_LANES, width)
    limit: Column = PER_MINUTE_AND_LANE[index] * lanes
    return limit


def _best(window: Window, most: str, now: str) -> Column:
    """The board's own maximum, else the best that any GPU shows at present."""
    present = window.get(now)
    best = np.fmax.reduce(present, initial=-np.inf)
    fleet = np.full(len(present), best if best > 0 else np.nan)
    own = window.get(most)
    return np.where(np.isnan(own), fleet, own)
