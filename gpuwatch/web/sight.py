"""What gpuwatch cannot see, and which line in the exporter's CSV would mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gpuwatch.engine.view import View
from gpuwatch.model.metric import Metric, catalogue
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Category, Scope
from gpuwatch.model.snapshot import SOURCE

EXPORTER_PREFIX = "DCGM_"


@dataclass(frozen=True)
class Gap:
    """One metric that rules need and nobody sent.

    `names`: what exporters call it. `csv_line`: what to add to the exporter's list
    of counters, empty where that does not help. `reason`: why it could not be read,
    empty if there is just no such series.
    """

    metric: str
    meaning: str
    names: tuple[str, ...]
    csv_line: str
    rules: tuple[str, ...]
    reason: str


def gaps(view: View) -> list[Gap]:
    """By metric; those that the most rules wait for come first.

    A cluster that cannot be read at all has no gaps: its metrics may well be there.
    """
    if SOURCE in view.health:
        return []
    waiting: dict[str, list[str]] = {}
    for rule, metrics in sorted(view.coverage.missing.items()):
        for metric in metrics:
            waiting.setdefault(metric, []).append(rule)
    found = [_gap(metric, rules, view) for metric, rules in waiting.items()]
    return sorted(found, key=lambda gap: (-len(gap.rules), gap.metric))


def _gap(name: str, rules: list[str], view: View) -> Gap:
    metric, reason = catalogue().get(name), view.unread.get(name, "")
    return Gap(
        metric=name,
        meaning=metric.meaning if metric else "",
        names=exporter_names(name),
        csv_line="" if reason or metric is None else _csv_line(metric),
        rules=tuple(rules),
        reason=reason,
    )


def exporter_names(name: str) -> tuple[str, ...]:
    """All names by which exporters know a metric of ours."""
    metric = catalogue().get(name)
    return tuple(source.name for source in metric.names) if metric else ()


def _csv_line(metric: Metric) -> str:
    """In dcgm-exporter's strict CSV: no quotes and no commas inside the help text."""
    name = metric.names[0].name
    if not name.startswith(EXPORTER_PREFIX):
        return ""
    kind = "counter" if metric.kind == "counter" else "gauge"
    return f"{name}, {kind}, {metric.meaning.replace(',', '').replace(chr(34), '')}"


def unwatched(view: View, rules: Mapping[str, Rule]) -> list[Category]:
    """Categories in which no rule can judge anybody because metrics are missing."""
    if SOURCE in view.health:
        return []
    blind = {*view.coverage.missing, *view.coverage.failed}
    eyes: dict[Category, set[bool]] = {}
    for name, rule in rules.items():
        seeing = bool(view.coverage.known.get(name)) or name not in blind
        eyes.setdefault(rule.category, set()).add(seeing)
    return sorted(category for category, seeing in eyes.items() if seeing == {False})


def judging_gpus(rules: Mapping[str, Rule]) -> list[str]:
    """Names of the rules whose verdicts are about single GPUs."""
    return [name for name, rule in rules.items() if rule.scope is Scope.GPU]


def coverage_record(view: View, rules: Mapping[str, Rule]) -> dict[str, Any]:
    """A cluster's coverage rule by rule, in JSON types."""
    names = sorted({*rules, *view.coverage.known})
    return {
        "cluster": view.cluster,
        "health": dict(view.health),
        "unwatched_categories": [c.value for c in unwatched(view, rules)],
        "rules": [_rule_record(name, rules.get(name), view) for name in names],
    }


def _rule_record(name: str, rule: Rule | None, view: View) -> dict[str, Any]:
    coverage = view.coverage
    missing = coverage.missing.get(name, ())
    return {
        "rule": name,
        "category": rule.category.value if rule else None,
        "known": coverage.known.get(name, 0),
        "firing": coverage.firing.get(name, 0),
        "missing": [
            {
                "metric": metric,
                "names": list(exporter_names(metric)),
                "reason": view.unread.get(metric),
            }
            for metric in missing
        ],
        "failed": coverage.failed.get(name),
    }
