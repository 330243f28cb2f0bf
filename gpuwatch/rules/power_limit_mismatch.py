"""A GPU whose power limit is lower than its job's."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.majority import groups_of, majority
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

LIMIT, USUAL = "power_limit_watts", "usual_power_limit_watts"


class PowerLimitMismatch(Rule):
    """A GPU's power limit is lower than that of its job.

    What: Its limit is at least 5 % below the one that three quarters of the GPUs of its
    model in the same job have (at least six of them), for 10 minutes. A whole job on a
    lower limit, and GPUs without a job, are not judged.

    Why: It reaches a lower clock than its peers under the cap, and everybody in the job
    waits for it, with no bit set but the usual power cap.

    First response: If nobody meant it: `nvidia-smi -i GPU -pl WATTS` on that node; look
    at the BMC's and the rack's power capping.

    Source: straggler.md 3.4 (mixed power limits). 5 %: boards and BMCs round a limit by
    1-2 %; a limit lower by 5 % costs about 2 % of the clock.
    """

    class Params(RuleParams):
        """Thresholds of power_limit_mismatch."""

        hold: Seconds = Field(600.0, ge=0, description="must be bad this long")
        lower_percent: float = Field(
            5.0, gt=0, lt=100, description="so far below the job's limit is lower"
        )
        majority_percent: float = Field(
            75.0, gt=50, le=100, description="GPUs of a job that make its limit"
        )

    name = "power_limit_mismatch"
    category = Category.POWER
    reads = (Read(LIMIT),)
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """UNKNOWN without a job, without a limit, or where the job has no usual one."""
        limit = window.get(LIMIT)
        share = self.params.majority_percent / 100
        usual = majority(limit, groups_of(window), share)
        known = ~np.isnan(limit) & ~np.isnan(usual)
        lower = known & (limit <= usual * (1 - self.params.lower_percent / 100))
        return Verdicts(
            firing=lower,
            known=known,
            evidence={
                LIMIT: np.where(lower, limit, np.nan),
                USUAL: np.where(lower, usual, np.nan),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """Its limit, and its job's."""
        mine = measured(finding.value(LIMIT), "W", " ")
        theirs = measured(finding.value(USUAL), "W", ", job ")
        return Words(
            f"Power limit lower than its peers'{theirs and f':{mine}{theirs}'}",
            "If nobody meant it, run nvidia-smi -pl on the GPU; look at the power "
            "capping of the BMC and of the rack.",
        )
