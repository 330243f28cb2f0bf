"""A job that has lost its pace, with no GPU to blame."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.hang import hang
from gpuwatch.model.jobs import by_job
from gpuwatch.model.load import at_work
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

PACE = "job_pace_percent"
WORKING_SHARE = 0.5


class JobSlow(Rule):
    """A job that has lost its pace, with no GPU to blame.

    What: The job's work a second (median tensor activity x SM clock, else power) is 10
    % below its own stride for five minutes, while its GPUs are at work. A culprit that
    explains it takes this finding into its own incident. Info where the job was only
    inferred from who works together.

    Why: Most slow jobs are not a bad GPU: data loading, the network, the code, or work
    that is shared out unevenly. It must be said, but no node is to be drained for it.

    First response: Look at the network (port errors, congestion), the file system and
    the data loader, then at what changed in the run. Compare the job's nodes on the
    dashboard.

    Source: ByteDance, 3079 jobs: 42 % are at least 10 % slower than they could be, and
    single workers dominate in 2 % of those. 10 % of the mean is the accepted threshold
    for a change (Falcon). Mid-day heat moves a healthy job by 2 %.
    """

    class Params(RuleParams):
        """Thresholds of job_slow."""

        hold: Seconds = Field(300.0, ge=0, description="must be bad this long")
        lost_percent: float = Field(
            10.0, gt=0, lt=100, description="pace below the job's own stride"
        )

    name = "job_slow"
    category = Category.JOB
    statistical = True
    scope = Scope.JOB
    samples = (6, 8)
    yields_to = (
        "straggler",
        "busy_straggler",
        "slow_host",
        "thermal_slowdown",
        "power_brake",
        "hw_slowdown",
        "silent_rank",
        "job_hung",
        "throughput_drop",
        "xid",
        "gpu_missing",
        "node_silent",
        "pcie_degraded",
        "nvlink_down",
        "rail_down",
        "rail_slow",
    )
    reads = (
        Read("utilization_percent", required=False),
        Read("power_watts", 60.0),
        Read("tensor_active_ratio", 60.0, required=False),
        # for a job that hangs is not a slow one (model/hang.py)
        Read("memory_copy_percent", required=False),
        Read("power_limit_watts", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """One verdict a job; UNKNOWN before its stride, in a dip and when idle."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(0)
        company, stride = crew.company, crew.stride
        limit = 1 - self.params.lost_percent / 100
        hung = hang(window, company, stride.reached & stride.together).hung
        working = company.counts(at_work(window)) >= WORKING_SHARE * company.sizes
        known = (
            stride.settled & stride.together & working & ~hung & ~np.isnan(stride.work)
        )
        worst = np.where(company.inferred, Severity.INFO, self.params.severity)
        return by_job(
            window.now.cluster,
            company,
            firing=stride.work <= limit,
            known=known,
            severity=np.minimum(worst, self.params.severity),
            evidence={PACE: stride.work * 100},
        )

    def explain(self, finding: Finding) -> Words:
        """How fast it still is."""
        pace = measured(finding.value(PACE), "% of its usual pace", ": ")
        return Words(
            f"Job slow{pace}, no GPU to blame",
            "Look at the network, the file system and the data loader, then at what "
            "changed in the run; no node is to be drained for this alone.",
        )
