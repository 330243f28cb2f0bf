"""Rules in PromQL: who fires, and in which words."""

from dataclasses import replace

import pytest

from gpuwatch.engine.promql_rule import PromqlRule, Spoken, promql_rule
from gpuwatch.model.identity import Subject
from gpuwatch.model.rule import RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Answer, Series
from gpuwatch.model.verdict import Finding
from gpuwatch.model.window import Window
from tests.rules.builders import finding, fleet_of, marks, window_of

NODE = Subject("train", "n0")


def rule_of(summary: str) -> PromqlRule:
    kind = promql_rule(Spoken("disk", summary, "Look."), RuleParams)
    return kind(RuleParams())


def seen(answer: Answer, labels: Series | None = None) -> Window:
    window = window_of(fleet_of())
    told = {"disk": {NODE: labels}} if labels is not None else {}
    now = replace(window.now, answers={"disk": answer}, answer_labels=told)
    return replace(window, now=now)


def words(summary: str, value: float, labels: Series | None = None) -> str:
    rule, window = rule_of(summary), seen({NODE: value}, labels)
    return rule.explain(finding(rule, rule.judge(window), window)).summary


def test_listed_fires_unlisted_is_clear_failed_is_unknown() -> None:
    rule = rule_of("full")
    assert marks(rule.judge(seen({NODE: 1.0}))) == "F"
    assert rule.judge(seen({})).elsewhere is True
    failed = rule.judge(seen(None))
    assert (marks(failed), failed.elsewhere) == ("", False)


@pytest.mark.parametrize(
    ("summary", "labels", "told"),
    [
        ("{device} on {node}", {"device": "mlx5_3"}, "mlx5_3 on n0"),
        ("{device} on {node}", {"device": "a", "node": "other"}, "a on n0"),
        ("{device} down", {}, "{device} down"),
        ("{device} down", None, "{device} down"),
        ("", {"device": "a"}, "disk"),
        ("costs $5 {device}", {"device": "$x {y}"}, "costs $5 $x {y}"),
    ],
)
def test_the_series_labels_are_filled_in(
    summary: str, labels: Series | None, told: str
) -> None:
    assert words(summary, 1.0, labels) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(3.0, "3"), (93.4271, "93.4"), (0.05, "0.05"), (12345.6, "12346")],
)
def test_numbers_are_short(value: float, told: str) -> None:
    assert words("{value}", value) == told


def test_without_words_of_its_own_the_summary_is_filled_in_later() -> None:
    bare = Finding(NODE, rule_of("").params.severity, {"value": 2.0})
    assert rule_of("{node} at {value}").explain(bare).summary == "n0 at 2"


def test_documentation_and_category_are_the_entrys() -> None:
    spoken = Spoken("disk", documentation="Full.", category=Category.JOB)
    kind = promql_rule(spoken, RuleParams)
    assert (kind.documentation(), kind.category) == ("Full.", "job")
    assert promql_rule(Spoken("disk"), RuleParams).category == "custom"
