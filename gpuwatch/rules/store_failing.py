"""gpuwatch's own memory refuses to be written."""

from __future__ import annotations

from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window


class StoreFailing(Rule):
    """The database cannot be written: locked, full, read-only or corrupt.

    What: the transaction of the last cycle failed.

    Why: gpuwatch goes on judging, and critical news goes out directly, marked "may
    repeat". What is decided meanwhile is written when the store is back; a restart
    before that would forget it.

    First response: free disk space or repair the file that the message names.

    Source: design invariant 5.
    """

    name = "store_failing"
    category = Category.TELEMETRY
    scope = Scope.CLUSTER
    boot_grace = False

    class Params(RuleParams):
        """Two failed cycles."""

        severity: Severity = Severity.CRITICAL
        keep_firing: Seconds = Field(60.0, ge=0, description="must work this long")

    def judge(self, window: Window) -> Verdicts:
        """One verdict, on the cluster."""
        reason = window.now.health.get("store", "")
        return Verdicts.of_cluster(window.now.cluster, reason)

    def explain(self, finding: Finding) -> Words:
        """With the store's own words."""
        return Words(
            "gpuwatch cannot write its memory",
            f"Free space or mend the store: {finding.words or 'no reason given'}",
        )
