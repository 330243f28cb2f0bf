"""A whole job whose clocks somebody keeps below the maximum."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.company import INFERRED_PREFIX
from gpuwatch.model.duration import Seconds
from gpuwatch.model.identity import Subject
from gpuwatch.model.load import LOAD_READS, at_work
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Scope, Severity
from gpuwatch.model.snapshot import Mask
from gpuwatch.model.throttle import CLOCKS_SETTING
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, has_bits

CLOCK, MOST = "sm_clock_megahertz", "max_sm_clock_megahertz"
REASONS, SET = "throttle_reasons", "application_sm_clock_megahertz"
KEPT_AT, GPUS = "kept_at_megahertz", "gpus_kept_below"
STEP_MEGAHERTZ = 15.0
FEWEST = 6


class ClocksBelowMaximum(Rule):
    """A job whose clocks are set below what the boards can do.

    What: On three quarters of a job's working GPUs (six at least) the SM clock is 30
    MHz or more below the board's maximum because of a setting: bit 0x2 says so, or the
    clock stands at an application clock below the maximum. For 10 minutes; a note for
    the digest.

    Why: Locked clocks are a fair choice (power, evenness), and a usual leftover of a
    benchmark. When all GPUs have them nothing is slower than its peers, and nobody
    would ever notice what the job loses.

    First response: If nobody meant it, `nvidia-smi -rgc` and `nvidia-smi -rac` on the
    job's nodes. If somebody did, switch this rule off.

    Source: Meta gcm checks application clocks. 30 MHz is two clock steps. A100 boards
    report an application clock that they exceed by themselves, so it counts only where
    the clock stands at it.
    """

    class Params(RuleParams):
        """Thresholds of clocks_below_maximum."""

        severity: Severity = Severity.INFO
        hold: Seconds = Field(600.0, ge=0, description="must be so for so long")
        notify: Notify = Notify.DIGEST
        below_megahertz: float = Field(
            30.0, gt=0, description="so far below the maximum is below"
        )
        majority_percent: float = Field(
            75.0, gt=50, le=100, description="working GPUs of a job that are kept"
        )

    name = "clocks_below_maximum"
    category = Category.POWER
    scope = Scope.JOB
    reads = (
        *LOAD_READS,
        Read(CLOCK),
        Read(MOST),
        Read(REASONS, required=False),
        Read(SET, required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """One verdict a named job that works."""
        now = window.now
        if now.job_of is None:
            return Verdicts.none_known(0)
        clock, most = window.get(CLOCK), window.get(MOST)
        known = at_work(window) & ~np.isnan(clock - most) & (now.job_of >= 0)
        kept = known & self._kept(window)
        seen = np.bincount(now.job_of[known], minlength=len(now.jobs))
        many = np.bincount(now.job_of[kept], minlength=len(now.jobs))
        named = [not job.startswith(INFERRED_PREFIX) for job in now.jobs]
        jobs = np.flatnonzero((seen >= FEWEST) & named)
        firing = many[jobs] >= self.params.majority_percent / 100 * seen[jobs]
        medians = [np.median(clock[known & (now.job_of == job)]) for job in jobs]
        return Verdicts(
            firing=firing,
            known=np.ones(len(jobs), bool),
            subjects=tuple(Subject(now.cluster, job=now.jobs[job]) for job in jobs),
            evidence={
                KEPT_AT: np.where(firing, np.array(medians, float), np.nan),
                GPUS: np.where(firing, many[jobs], np.nan),
            },
        )

    def _kept(self, window: Window) -> Mask:
        clock, reasons = window.get(CLOCK), window.get(REASONS)
        most = window.get(MOST) - self.params.below_megahertz
        by_bit = has_bits(reasons, CLOCKS_SETTING)
        free = ~has_bits(reasons, 0xFFFFFFFF & ~CLOCKS_SETTING) & ~np.isnan(reasons)
        at_setting = np.abs(clock - window.get(SET)) <= STEP_MEGAHERTZ
        kept: Mask = (clock <= most) & (by_bit | (free & at_setting))
        return kept

    def explain(self, finding: Finding) -> Words:
        """At which clock."""
        clock = finding.value(KEPT_AT, 0.0)
        told = f" at {clock:.0f} MHz" if clock else ""
        return Words(
            f"Clocks kept below maximum by a setting{told}",
            "If nobody meant it, run nvidia-smi -rgc and -rac on the job's nodes; if "
            "somebody did, switch this rule off.",
        )
