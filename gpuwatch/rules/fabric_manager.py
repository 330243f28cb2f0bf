"""The fabric manager has not set up a GPU's NVLink fabric."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.limits import model_codes
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

METRIC, ONCE_WELL = "fabric_manager_status", "once_well"
UNSUPPORTED, NOT_STARTED, IN_PROGRESS, WELL, FAILED = 0, 1, 2, 3, 4


class FabricManager(Rule):
    """The fabric manager has not set up a GPU's NVLink fabric.

    What: Its state is "failure"; or "not started" or "in progress" for 10 minutes on a
    GPU that was set up before, or of whose model more than half are. Boards without
    NVSwitch (state 0) are fine; states that say nothing (5, 6) are UNKNOWN.

    Why: Without the fabric NCCL cannot use NVLink between GPUs, or CUDA does not start
    at all. A fabric manager that dies later may leave this state at "success": the rule
    pack `host` watches its systemd unit.

    First response: `systemctl status nvidia-fabricmanager` and its log on the node; its
    version must be the driver's. Restart it and reset the GPUs.

    Source: DCGM field 170; NVSentinel issues 883 (dead for 20 days, GPUs "healthy") and
    1471 (not needed on every board).
    """

    class Params(RuleParams):
        """Timing of fabric_manager."""

        hold: Seconds = Field(600.0, ge=0, description="must be bad this long")

    name = "fabric_manager"
    category = Category.INTERCONNECT
    yields_to = ("xid", "nvlink_down")
    reads = (Read(METRIC),)
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """UNKNOWN where the state is absent or says nothing."""
        status = window.get(METRIC)
        well = status == WELL
        once = np.where(well, 1.0, window.recall(ONCE_WELL))
        waits = (status == NOT_STARTED) | (status == IN_PROGRESS)
        expected = (once == 1) | _usual_for_model(window, well, status)
        known = (status >= UNSUPPORTED) & (status <= FAILED)
        bad = known & ((status == FAILED) | (waits & expected))
        return Verdicts(
            firing=bad,
            known=known,
            evidence={METRIC: np.where(bad, status, np.nan)},
            keep={ONCE_WELL: once},
        )

    def explain(self, finding: Finding) -> Words:
        """Failed, or never came to an end."""
        status = finding.value(METRIC, FAILED)
        how = {NOT_STARTED: "has not started", IN_PROGRESS: "does not finish"}
        return Words(
            f"Fabric manager {how.get(int(status), 'has failed')}",
            "Run systemctl status nvidia-fabricmanager on the node and compare its "
            "version with the driver's. Restart it and reset the GPUs.",
        )


def _usual_for_model(window: Window, well: Mask, status: Column) -> Mask:
    """Rows of models of which more than half are set up."""
    codes, models = model_codes(window.now.fleet, window.now.rows)
    known = np.bincount(codes[~np.isnan(status)], minlength=len(models))
    good = np.bincount(codes[well], minlength=len(models))
    usual: Mask = (2 * good > known)[codes]
    return usual
