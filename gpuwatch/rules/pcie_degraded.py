"""PCIe links that run narrower or slower than they should."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.causes import KEPT_CAUSES, Cause, alive, weighed
from gpuwatch.model.duration import Seconds
from gpuwatch.model.limits import model_codes
from gpuwatch.model.norm import norms
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

WIDTH, MOST_WIDTH = "pcie_link_width", "pcie_max_link_width"
GENERATION, MOST_GENERATION = "pcie_link_generation", "pcie_max_link_generation"
UTILIZATION = "utilization_percent"
LOADED_SECONDS = 300.0
MAJORITY_RATIO = 0.5


class PcieDegraded(Rule):
    """A GPU's PCIe link is narrower or slower than it should be.

    What: under load for 5 minutes, fewer lanes or a lower generation than the board
    and slot can do, or than most loaded GPUs of the same model have. An idle GPU is
    not judged: its link saves power at a low generation.

    Why: copies between host, network card and GPU take longer, and with them every
    step of the job. A link that trained down is mostly a seat, riser or slot.

    First response: reboot the node when its job allows; if the link stays down, reseat
    or swap the riser.

    Source: NVSentinel issue 890 (generation 5 x16 fell to 3 x8 and nobody saw it; idle
    must be left out); dcgm.md 3.
    """

    name = "pcie_degraded"
    category = Category.INTERCONNECT
    load_dependent = True
    slows_job = True
    yields_to = ("xid",)
    reads = (
        Read(WIDTH),
        Read(GENERATION, required=False),
        Read(MOST_WIDTH, required=False),
        Read(MOST_GENERATION, required=False),
        Read(UTILIZATION, LOADED_SECONDS),
    )

    class Params(RuleParams):
        """Thresholds of pcie_degraded."""

        hold: Seconds = Field(60.0, ge=0, description="must be so this long")
        loaded_percent: float = Field(
            20.0, gt=0, le=100, description="utilisation that counts as load"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Lanes and generation of loaded GPUs; UNKNOWN if neither is exported."""
        loaded = self._loaded(window)
        models, _ = model_codes(window.now.fleet, window.now.rows)
        width, generation = alive(window, WIDTH), alive(window, GENERATION)
        lanes = _expected(width, window.get(MOST_WIDTH), loaded, models)
        speed = _expected(generation, window.get(MOST_GENERATION), loaded, models)
        severity = self.params.severity
        narrow = Cause(loaded & (width < lanes), ~np.isnan(width), severity)
        slow = Cause(loaded & (generation < speed), ~np.isnan(generation), severity)
        found = weighed([narrow, slow], window.recall(KEPT_CAUSES))
        return Verdicts(
            firing=found.firing,
            known=found.known & ~np.isnan(window.get(UTILIZATION)),
            loaded=loaded,
            evidence={
                "pcie_link_width_lanes": width,
                "expected_width_lanes": lanes,
                "pcie_link_generation": generation,
                "expected_generation": speed,
            },
            keep={KEPT_CAUSES: found.bits},
        )

    def _loaded(self, window: Window) -> Mask:
        """Busy in every reading of the window: link readings may be minutes old."""
        percent = window.history(UTILIZATION, LOADED_SECONDS)
        busy = np.isnan(percent) | (percent >= self.params.loaded_percent)
        long_enough = window.span(UTILIZATION, LOADED_SECONDS) >= 0.9 * LOADED_SECONDS
        loaded: Mask = busy.all(axis=0) & long_enough
        return loaded & ~np.isnan(window.get(UTILIZATION))

    def explain(self, finding: Finding) -> Words:
        """What it has, and what it should have."""
        width, lanes = (
            finding.value("pcie_link_width_lanes"),
            finding.value("expected_width_lanes"),
        )
        generation, speed = (
            finding.value("pcie_link_generation"),
            finding.value("expected_generation"),
        )
        summary = "PCIe link slower than it should be"
        if width < lanes:
            summary = f"PCIe link x{width:.0f} instead of x{lanes:.0f}"
        elif generation < speed:
            summary = f"PCIe generation {generation:.0f} instead of {speed:.0f}"
        return Words(
            summary,
            "Reboot the node when its job allows; if the link stays so, reseat or swap "
            "the riser.",
        )


def _expected(value: Column, most: Column, loaded: Mask, models: np.ndarray) -> Column:
    """The larger of what the board can do and what most loaded ones of its kind do."""
    usual = norms(np.where(loaded, value, np.nan), models, MAJORITY_RATIO)
    return np.fmax(most, usual)
