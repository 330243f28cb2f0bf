"""gpuwatch cannot see: Prometheus does not answer."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.snapshot import SOURCE
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window


class PrometheusUnreachable(Rule):
    """Prometheus cannot be read, or shows no GPU: nothing is known of this cluster.

    What: the last readings failed (no connection, an error, no answer in time), or they
    show none of the known GPUs and none of their exporters as a target.

    Why: while it lasts no GPU fault can be seen. Nothing is called recovered; every
    open incident keeps its state and says that there is no data.

    First response: run `gpuwatch doctor` on the same host; it tells whether the name,
    the port, the certificate or Prometheus itself is the trouble.

    Source: alerting.md section 6: neither Prometheus nor Alertmanager can report its
    own death. 45 s is three polls, so a restart of Prometheus stays quiet.
    """

    name = "prometheus_unreachable"
    category = Category.TELEMETRY
    scope = Scope.CLUSTER
    boot_grace = False
    reads = (Read("exporter_up", required=False),)

    class Params(RuleParams):
        """A restart of Prometheus takes less than the hold."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(120.0, ge=0, description="must be unreachable this long")
        keep_firing: Seconds = Field(30.0, ge=0, description="must answer this long")

    params: RuleParams
    part: ClassVar[str] = SOURCE

    def judge(self, window: Window) -> Verdicts:
        """One verdict, on the cluster."""
        reason = window.now.health.get(self.part, "") or _emptiness(window)
        return Verdicts.of_cluster(window.now.cluster, reason)

    def explain(self, finding: Finding) -> Words:
        """With the reason as the client gave it."""
        return Words(
            "blind: Prometheus cannot be read",
            f"Run `gpuwatch doctor`. Last error: {finding.words or 'none given'}",
        )


def _emptiness(window: Window) -> str:
    """Why an answer without any GPU is no answer; empty while there is any sign."""
    known = int(window.now.fleet.in_service[: window.now.rows].sum())
    targets = ~np.isnan(window.now.node_column("exporter_up"))
    if known == 0 or window.now.present.any() or targets.any():
        return ""
    return (
        f"Prometheus answers, but shows none of the {known} known GPUs and none of "
        "their exporters; look at its scrape configuration"
    )
