"""A GPU whose driver or VBIOS is not that of its job."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.majority import groups_of, majority
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.version import driver_text, vbios_text
from gpuwatch.model.window import Read, Window

DRIVER, VBIOS = "driver_version", "vbios_version"


class VersionMismatch(Rule):
    """A GPU runs another driver or VBIOS than the rest of its job.

    What: Its driver version (a warning) or its VBIOS version (for information) is not
    that of three quarters of the GPUs of its model in the same job, at least six of
    them, for 10 minutes. GPUs without a job, or whose exporter gives no version label,
    are not judged.

    Why: One node with another driver runs other kernels, another NCCL path and other
    bugs: hard to see, and a usual cause of one slow or failing rank. Another VBIOS may
    have other clocks and power limits; a replaced card often comes with one.

    First response: Compare with `nvidia-smi -q` on a node of the majority; bring the
    node to the same image after the job.

    Source: Meta gcm checks that VBIOS versions are equal. The labels are those of
    dcgm-exporter's CSV (DCGM_FI_DRIVER_VERSION is on by default, DCGM_FI_DEV_VBIOS_
    VERSION is not).
    """

    class Params(RuleParams):
        """Thresholds of version_mismatch; `severity` is that of a driver."""

        hold: Seconds = Field(600.0, ge=0, description="must be so for so long")
        majority_percent: float = Field(
            75.0, gt=50, le=100, description="GPUs of a job that make its version"
        )

    name = "version_mismatch"
    category = Category.POWER
    reads = (Read(DRIVER, required=False), Read(VBIOS, required=False))
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """UNKNOWN where no version of the job is known."""
        share = self.params.majority_percent / 100
        driver = _compared(window, DRIVER, share)
        vbios = _compared(window, VBIOS, share)
        note = min(self.params.severity, Severity.INFO)
        severity = np.where(driver.differs, self.params.severity, note)
        odd = driver.differs | vbios.differs
        words = [""] * window.now.rows
        for row in np.flatnonzero(odd).tolist():
            told = driver.told(row, "Driver", driver_text)
            words[row] = told or vbios.told(row, "VBIOS", vbios_text)
        return Verdicts(
            firing=odd,
            known=driver.known | vbios.known,
            severity=severity.astype(np.int64),
            words=tuple(words),
        )

    def explain(self, finding: Finding) -> Words:
        """Which version, and which one its job has."""
        return Words(
            finding.words or "Driver or VBIOS differs from its job's",
            "Compare nvidia-smi -q with a node of the majority, and bring the node to "
            "the same image after the job.",
        )


@dataclass(frozen=True)
class _Compared:
    """One version beside that of the job, arrays over rows."""

    mine: Column
    usual: Column

    @property
    def known(self) -> Mask:
        known: Mask = ~np.isnan(self.mine) & ~np.isnan(self.usual)
        return known

    @property
    def differs(self) -> Mask:
        differs: Mask = self.known & (self.mine != self.usual)
        return differs

    def told(self, row: int, what: str, text: Callable[[float], str]) -> str:
        """In words; empty where it does not differ."""
        mine, usual = float(self.mine[row]), float(self.usual[row])
        known = not (math.isnan(mine) or math.isnan(usual))
        differs = known and mine != usual
        return f"{what} {text(mine)}, its job has {text(usual)}" if differs else ""


def _compared(window: Window, metric: str, share: float) -> _Compared:
    mine = window.get(metric)
    return _Compared(mine, majority(mine, groups_of(window), share))
