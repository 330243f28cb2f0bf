"""A way out is closed: messages are not delivered."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.identity import Subject
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

PREFIX = "delivery "


class DeliveryFailing(Rule):
    """A receiver refuses messages for good, so people are not told.

    What: Slack (or another receiver) answered with an error that repeating cannot
    mend: a revoked token, a missing scope, an archived channel.

    Why: everything else may work and still nobody hears of it. The messages wait in
    the outbox and go out when the receiver works again.

    First response: run `gpuwatch doctor`; it names the token, scope or channel at
    fault.

    Source: alerting.md section 4.2, error class "configuration".
    """

    name = "delivery_failing"
    category = Category.TELEMETRY
    scope = Scope.CLUSTER
    boot_grace = False

    class Params(RuleParams):
        """Told by the receivers that still work, and on the status page."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(0.0, ge=0, description="must be refused this long")
        keep_firing: Seconds = Field(60.0, ge=0, description="must work this long")

    def judge(self, window: Window) -> Verdicts:
        """One verdict for each receiver that is in trouble; the others are clear."""
        ill = {k: v for k, v in window.now.health.items() if k.startswith(PREFIX)}
        cluster = window.now.cluster
        subjects = tuple(Subject(cluster, detail=k.removeprefix(PREFIX)) for k in ill)
        firing = np.ones(len(subjects), bool)
        return Verdicts(
            firing=firing,
            known=firing,
            subjects=subjects,
            words=tuple(ill.values()),
            elsewhere=True,
        )

    def explain(self, finding: Finding) -> Words:
        """With the receiver's own words."""
        receiver = finding.subject.detail or "a receiver"
        return Words(
            f"messages to {receiver} are refused",
            f"Run `gpuwatch doctor`. It said: {finding.words or 'nothing'}",
        )
