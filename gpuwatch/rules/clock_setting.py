"""Somebody set this GPU's clocks, and not as its neighbours' are set."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.limits import model_codes
from gpuwatch.model.norm import norms
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.throttle import CLOCKS_SETTING, DISPLAY_CLOCKS, SYNC_BOOST
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, has_bits

CLOCK, REASONS = "application_sm_clock_megahertz", "throttle_reasons"
BASELINE, CHANGED_AT = "baseline_megahertz", "changed_at_seconds"
HARMLESS = SYNC_BOOST | DISPLAY_CLOCKS


class ClockSetting(Rule):
    """Somebody set this GPU's clocks, and not as its neighbours' are set.

    What: The application SM clock differs by 30 MHz or more from what three quarters of
    the GPUs of the same model have, or changed within the last hour; or bit 0x2 (clocks
    setting) limits this GPU while it limits none of its kind, or the other way round.
    When more than half of the GPUs of a model change together, that is one note on the
    first of them.

    Why: Sites lock clocks on purpose, so a setting alone is no fault; but one GPU that
    was left locked after a benchmark holds up its whole job.

    First response: If nobody meant it: `nvidia-smi -rac` and `nvidia-smi -rgc` on that
    GPU.

    Source: 30 MHz is two clock steps; Meta's gcm warns there. Bit: dcgm_fields.h; it is
    not set for locked clocks on B200 with driver 595, and an idle or power-capped GPU
    does not show it, so only readings in which it would show are compared.
    """

    class Params(RuleParams):
        """Thresholds of clock_setting."""

        severity: Severity = Severity.INFO
        hold: Seconds = Field(60.0, ge=0, description="must be bad this long")
        tolerance_megahertz: float = Field(
            30.0, gt=0, description="a smaller difference of the set clock is none"
        )
        majority_percent: float = Field(
            75.0, gt=50, le=100, description="GPUs of a model that make a norm"
        )
        settle: Seconds = Field(
            3600.0, ge=60, description="after so long a changed clock is the new normal"
        )

    name = "clock_setting"
    category = Category.POWER
    yields_to = ("straggler",)
    reads = (
        Read(REASONS, required=False),
        Read(CLOCK, required=False),
        Read("max_sm_clock_megahertz", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Compare with the model's norm and with before; UNKNOWN without either."""
        clock, limited = window.get(CLOCK), _is_limited(window.get(REASONS))
        models, _ = model_codes(window.now.fleet, window.now.rows)
        share = self.params.majority_percent / 100
        norm = norms(clock, models, share)
        change = self._change(window, clock)
        odd = self._apart(clock, norm) | _differs(
            limited, norms(limited, models, share)
        )
        noted = _first_of_many(change.active, models)
        return Verdicts(
            firing=odd | noted,
            known=~np.isnan(clock) | ~np.isnan(window.get(REASONS)),
            since=np.where(noted, change.at, np.nan),
            keep={BASELINE: change.baseline, CHANGED_AT: change.at},
            evidence={
                CLOCK: clock,
                "normal_sm_clock_megahertz": np.where(noted, change.before, norm),
                "max_sm_clock_megahertz": window.get("max_sm_clock_megahertz"),
                REASONS: window.get(REASONS),
                "changed_gpus": np.where(noted, _peers(change.active, models), np.nan),
            },
        )

    def _apart(self, clock: Column, other: Column) -> Mask:
        apart: Mask = np.abs(clock - other) >= self.params.tolerance_megahertz
        return apart

    def _change(self, window: Window, clock: Column) -> _Change:
        before, since = window.recall(BASELINE), window.recall(CHANGED_AT)
        apart = self._apart(clock, before)
        at = np.where(apart & np.isnan(since), window.now.at, since)
        settled = apart & (window.now.at - at >= self.params.settle)
        back = ~apart & ~np.isnan(clock)
        return _Change(
            active=apart & ~settled,
            before=before,
            baseline=np.where(np.isnan(before) | settled, clock, before),
            at=np.where(settled | back, np.nan, at),
        )

    def explain(self, finding: Finding) -> Words:
        """What it is set to, and what would be normal."""
        action = (
            "If nobody meant it, run nvidia-smi -rac and nvidia-smi -rgc on the GPU; "
            "if it was on purpose, nothing is to be done."
        )
        clock, usual = finding.value(CLOCK), finding.value("normal_sm_clock_megahertz")
        changed = finding.value("changed_gpus", 1.0)
        if changed > 1:
            return Words(f"Clock setting changed on {changed:.0f} GPUs", action)
        if math.isnan(clock - usual) or clock == usual:
            return Words("Clock limit differs from its peers", action)
        return Words(f"SM clock set to {clock:.0f} MHz, normally {usual:.0f}", action)


@dataclass(frozen=True)
class _Change:
    """Rows whose set clock differs from before, and what is to be kept of it."""

    active: Mask
    before: Column
    baseline: Column
    at: Column


def _is_limited(reasons: Column) -> Column:
    """1 where a setting limits the clock, 0 where nothing does, NaN where unclear.

    A GPU that is idle, capped or throttled may hide the bit: unclear.
    """
    free = ~has_bits(reasons, 0xFFFFFFFF & ~HARMLESS) & ~np.isnan(reasons)
    unset = np.where(free, 0.0, np.nan)
    return np.where(has_bits(reasons, CLOCKS_SETTING), 1.0, unset)


def _differs(limited: Column, norm: Column) -> Mask:
    differs: Mask = np.abs(limited - norm) == 1.0
    return differs


def _first_of_many(changed: Mask, models: NDArray[np.int64]) -> Mask:
    """The changed rows; where half of a model changed, only its first one."""
    noted = changed.copy()
    for model in np.unique(models[changed]):
        mine = changed & (models == model)
        if 2 * mine.sum() > (models == model).sum():
            noted[np.flatnonzero(mine)[1:]] = False
    return noted


def _peers(changed: Mask, models: NDArray[np.int64]) -> Column:
    """How many of the same model changed, per row."""
    counts = np.bincount(models[changed], minlength=int(models.max(initial=0)) + 1)
    return counts[models].astype(np.float64)
