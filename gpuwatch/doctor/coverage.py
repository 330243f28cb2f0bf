"""Rule by rule: what cannot be judged, and the CSV line that would mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

import numpy as np

from gpuwatch.doctor.csv_lines import csv_line
from gpuwatch.doctor.finding import Finding, fail, ok, some, warn
from gpuwatch.doctor.sight import Seen
from gpuwatch.model.metric import catalogue
from gpuwatch.sources.prometheus.names import NameBook

NODE_HINT = "scrape node_exporter on the GPU nodes"
CSV_HINT = "add the lines below to the exporter's CSV and restart it"


def coverage(
    seen: Seen, live: frozenset[str], book: NameBook | None
) -> Iterator[Finding]:
    """A finding for all rules, then one for each that is blind or half blind.

    `live`: DCGM names with series now; `book`: names of any age, where known.
    """
    blind = seen.coverage.missing
    judging = len(seen.rules) - len(blind)
    what = f"{judging} of {len(seen.rules)} rules have the metrics that they need"
    yield ok("rules", what)
    for rule, metrics in sorted(blind.items()):
        yield _blind(rule, metrics, live, book)
    for rule, why in seen.coverage.failed.items():
        yield fail(rule, f"raised {why}", "that is a bug of the rule: report")
    for metric, why in seen.snapshot.unread.items():
        yield fail(metric, f"could not be read: {why}", "see Prometheus")
    yield from _partly(seen)
    yield from _helpful(seen, live)


def _blind(
    rule: str, metrics: Sequence[str], live: frozenset[str], book: NameBook | None
) -> Finding:
    lines = tuple(line_for(metric, live) for metric in metrics if not _of_node(metric))
    why = "; ".join(_why_blind(metric, book) for metric in metrics)
    mend = CSV_HINT if lines else NODE_HINT
    return replace(warn(rule, f"sees nothing: {why}", mend), lines=lines)


def _why_blind(metric: str, book: NameBook | None) -> str:
    if book is not None and book.of_metric(catalogue()[metric]):
        return f"{metric} was exported once, not now"
    return f"nobody exports {metric}"


def _of_node(metric: str) -> bool:
    return catalogue()[metric].scope == "node"


def line_for(metric: str, live: frozenset[str]) -> str:
    """The CSV line of a metric by its logical name."""
    return csv_line(catalogue()[metric], live)


def _partly(seen: Seen) -> Iterator[Finding]:
    """Required metrics that some nodes export and others do not."""
    needed: dict[str, list[str]] = {}
    for name, rule in seen.rules.items():
        for read in rule.reads:
            if read.required:
                needed.setdefault(read.metric, []).append(name)
    for metric, rules in sorted(needed.items()):
        without = _nodes_without(seen, metric)
        if without:
            what = f"{some(rules, 3)} cannot see {some(without, 3)}: no {metric}"
            yield warn(metric, what, "give these nodes the same CSV")


def _nodes_without(seen: Seen, metric: str) -> list[str]:
    """Nodes with live GPUs but none of this metric, if others have it."""
    column = seen.snapshot.columns.get(metric)
    if column is None:
        return []
    present = seen.snapshot.present
    nodes = seen.fleet.node_of[: seen.snapshot.rows]
    alive = set(nodes[present].tolist())
    seeing = set(nodes[present & ~np.isnan(column)].tolist())
    return sorted(seen.fleet.nodes[row] for row in alive - seeing) if seeing else []


def _helpful(seen: Seen, live: frozenset[str]) -> Iterator[Finding]:
    """Metrics that no rule needs but some would judge better with."""
    blind = {metric for names in seen.coverage.missing.values() for metric in names}
    wanted: Mapping[str, None] = dict.fromkeys(
        read.metric
        for rule in seen.rules.values()
        for read in rule.reads
        if not read.required and read.metric not in blind
    )
    there = {name.upper() for name in live}
    lacking = [name for name in wanted if _lacks(seen, name, there)]
    if lacking:
        what = f"rules would judge better with {some(lacking)}"
        lines = tuple(line_for(name, live) for name in lacking)
        yield replace(ok("helpful metrics", what), lines=lines)


def _lacks(seen: Seen, metric: str, there: AbstractSet[str]) -> bool:
    if _of_node(metric) or metric in seen.snapshot.columns:
        return False
    return not any(source.name in there for source in catalogue()[metric].names)
