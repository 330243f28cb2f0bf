"""A scenario in a real Prometheus, judged there by everybody.

Every scenario has a server of its own: the blocks of one are made in seconds, nothing
of another's names or past can be seen, and two servers run side by side.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.accuracy import minder, promql
from bench.accuracy.alerts import Alert
from bench.accuracy.detectors import Site, through_prometheus
from bench.accuracy.handwritten import COMMUNITY, EXPERT
from bench.ticks import START
from gpuwatch.model.metric import catalogue
from gpuwatch.sim.fields import fields_of
from gpuwatch.sim.openmetrics import openmetrics
from gpuwatch.sim.scenario import Scenario
from gpuwatch.testing import RealPrometheus, backfilled

FLAGS = ("--query.timeout=5m", "--query.max-samples=200000000")


def through_server(scenario: Scenario, site: Site) -> tuple[list[Alert], ...]:
    """The alerts of gpuwatch, of the expert's and the community's rules, of Minder."""
    with tempfile.TemporaryDirectory() as folder, served(scenario, folder) as server:
        return (
            through_prometheus(scenario, server.url, site),
            promql.alerts_of(scenario, server.url, EXPERT),
            promql.alerts_of(scenario, server.url, COMMUNITY),
            minder.alerts_of(scenario),
        )


def served(scenario: Scenario, folder: str) -> RealPrometheus:
    """A Prometheus with this scenario's history; enter it to start it."""
    path = Path(folder) / "history.om"
    lines = openmetrics(
        scenario, start_seconds=START, keys=keys_read(), job_series=True
    )
    with path.open("w", buffering=1 << 20) as file:
        file.writelines(lines)
    return backfilled(path, extra_flags=FLAGS)


def keys_read() -> frozenset[str]:
    """Fields that anybody reads; the others would only cost time."""
    read = {s.name for metric in catalogue().values() for s in metric.names}
    text = " ".join(rule.expr for rule in (*EXPERT, *COMMUNITY))
    found: set[str] = set()
    for generation in ("legacy", "current", "next"):
        for field in fields_of(generation, "full"):
            if field.name in read or field.name in text:
                found.add(field.key)
    return frozenset(found | {"xid"})
