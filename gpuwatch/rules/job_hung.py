"""A job that spins at full utilisation and does no work."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.hang import READS, hang
from gpuwatch.model.jobs import by_job
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

POWER = "power_of_limit_percent"
PACE = "job_pace_percent"


class JobHung(Rule):
    """A job that spins at full utilisation and does no work.

    What: The median GPU of the job shows 98 % utilisation or more, no tensor and no
    memory activity, and less than 35 % of its power limit, for two minutes. Armed once
    the job has been at its stride for two minutes, so a long start is no hang.

    Why: After a lost rank, a network fault or a deadlock every rank waits inside a
    collective: dashboards show 100 % utilisation, and nothing moves until a time-out
    of half an hour or more.

    First response: Look for a rank that is missing or does not spin (its own incident
    names it), then for network errors; take a stack dump of the ranks (`py-spy dump`),
    and restart the job from its last checkpoint.

    Source: A public snapshot of 247 H100: GPUs in a hang at 100 %, 1980 MHz, no memory
    traffic and 113-156 W. ByteRobust: no traffic for minutes means hung.
    """

    class Params(RuleParams):
        """Thresholds of job_hung."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(90.0, ge=0, description="must be bad this long")
        keep_firing: Seconds = Field(60.0, ge=0, description="must be clean this long")

    name = "job_hung"
    category = Category.JOB
    statistical = True
    scope = Scope.JOB
    samples = (3, 3)
    yields_to = (
        "silent_rank",
        "xid",
        "gpu_missing",
        "node_silent",
        "ecc_uncorrectable",
        "nvlink_down",
        "rail_down",
    )
    reads = READS
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """One verdict a job; UNKNOWN before its stride was reached."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(0)
        company, stride = crew.company, crew.stride
        found = hang(window, company, stride.reached & stride.together)
        return by_job(
            window.now.cluster,
            company,
            firing=found.hung,
            known=found.known,
            evidence={POWER: found.power_percent, PACE: np.zeros(len(found.hung))},
        )

    def explain(self, finding: Finding) -> Words:
        """That it spins, and with how little power."""
        power = measured(finding.value(POWER), "% of the power limit")
        return Words(
            f"Job hung: full utilisation, no work{power}",
            "Look for a rank that is missing or does not spin and for network errors, "
            "dump the ranks' stacks, and restart from the last checkpoint.",
        )
