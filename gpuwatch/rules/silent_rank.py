"""The one GPU of a hung job that does not even spin."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.hang import BUSY, READS, hang
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window


class SilentRank(Rule):
    """The GPU of a hung job that does not even spin.

    What: While the median GPU of the job spins without work (see job_hung), this one
    shows less than 50 % utilisation. Only when at most a tenth of the job is so, and
    of GPUs that do not wander off their job by themselves.

    Why: Everybody else waits inside a collective for a rank that never came: its
    process died, or stands outside the collective. It is the culprit of the hang.

    First response: Look at the process and its log on that node (`nvidia-smi`,
    `py-spy dump`, `dmesg`), then restart the job from its last checkpoint.

    Source: In a hang the culprit is the rank that does not spin, or is missing (C4D,
    Alibaba; ByteRobust).
    """

    class Params(RuleParams):
        """Thresholds of silent_rank."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(60.0, ge=0, description="must be bad this long")
        keep_firing: Seconds = Field(60.0, ge=0, description="must be clean this long")

    name = "silent_rank"
    category = Category.STRAGGLER
    statistical = True
    symptom = True
    slows_job = True
    samples = (3, 3)
    yields_to = ("xid", "gpu_missing", "node_silent", "ecc_uncorrectable")
    reads = READS
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Rows of hung groups that do not spin; UNKNOWN without a stride."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(window.now.rows)
        company, stride = crew.company, crew.stride
        found = hang(window, company, stride.reached & stride.together)
        known = company.rows_in(found.known) & ~np.isnan(window.get(BUSY))
        known = known & stride.calm
        return Verdicts(
            firing=found.silent & known,
            known=known,
            evidence={
                "utilization_percent": window.get("utilization_percent"),
                "power_watts": window.get("power_watts"),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """That it is the one that the others wait for."""
        busy = measured(finding.value("utilization_percent"), "% utilisation")
        return Words(
            f"Hangs the job: does not spin{busy}",
            "Look at this rank's process and log (py-spy dump, dmesg), then restart "
            "the job from its last checkpoint.",
        )
