"""Hand-written rules evaluated by a real Prometheus, their `for:` applied by us."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import requests

from bench.accuracy.alerts import NEVER, Alert, Firing, as_alerts
from bench.accuracy.handwritten import HandRule, spoken
from bench.ticks import START
from gpuwatch.sim.scenario import Scenario

EVALUATION_SECONDS = 15.0  # a common evaluation_interval, and our own poll


def alerts_of(scenario: Scenario, url: str, rules: Sequence[HandRule]) -> list[Alert]:
    """What these rules would have told of a scenario that this server holds."""
    end = scenario.duration_seconds
    firings: list[Firing] = []
    with requests.Session() as session:
        for rule in rules:
            expr = spoken(rule.expr, scenario.generation)
            for series in _range(session, url, expr, end):
                firings += fired(rule, series, end)
    return as_alerts(firings, scenario.gpus_per_node)


def _range(
    session: requests.Session, url: str, expr: str, end: float
) -> list[dict[str, Any]]:
    form = {
        "query": expr,
        "start": f"{START:.3f}",
        "end": f"{START + end:.3f}",
        "step": f"{EVALUATION_SECONDS:g}",
    }
    answer = session.post(f"{url}/api/v1/query_range", data=form, timeout=300)
    if answer.status_code != requests.codes.ok:
        raise RuntimeError(f"{expr}: {answer.text[:300]}")
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


def fired(rule: HandRule, series: Mapping[str, Any], end: float) -> Iterator[Firing]:
    """When one series was firing: present for as long as `for:` says, without a gap."""
    labels: Mapping[str, str] = series["metric"]
    node, gpu = place_of(labels)
    times = [at - START for at, _ in series["values"]]
    for first, last in stretches(times):
        if last - first >= rule.hold_seconds:
            until = NEVER if last + EVALUATION_SECONDS > end else last
            yield Firing(rule.name, node, gpu, first + rule.hold_seconds, until)


def stretches(times: Iterable[float]) -> Iterator[tuple[float, float]]:
    """(first, last) of every run of evaluations without a gap."""
    first = last = None
    for at in times:
        if first is None or last is None or at - last > 1.5 * EVALUATION_SECONDS:
            if first is not None and last is not None:
                yield first, last
            first = at
        last = at
    if first is not None and last is not None:
        yield first, last


def place_of(labels: Mapping[str, str]) -> tuple[str, int | None]:
    """(node, GPU) that a series blames; "" = none, so it speaks of a job.

    Port k serves GPU k, but a rail's fault is its node's.
    """
    node = labels.get("Hostname") or labels.get("hostname") or ""
    node = node or labels.get("instance", "").partition(":")[0]
    gpu = labels.get("gpu", "")
    return node, int(gpu) if gpu.isdigit() else None
