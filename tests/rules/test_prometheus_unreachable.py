"""Blind is one incident, whether nobody answers or the answer is empty."""

from dataclasses import replace

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.prometheus_unreachable import PrometheusUnreachable
from tests.rules.builders import finding, fleet_of, judge, marks, window_of


def seen(age: str, exporter_up: str, health: str = "") -> Window:
    node = {"exporter_up": exporter_up}
    window = window_of(fleet_of(2, 1), node=node, sample_age_seconds=age)
    ill = {"prometheus": health} if health else {}
    return replace(window, now=replace(window.now, health=ill))


@pytest.mark.parametrize(
    ("age", "exporter_up", "health", "mark"),
    [
        ("0 0", "1 1", "", "."),
        ("_ 0", "_ 1", "", "."),
        ("_ _", "0 0", "", "."),
        ("_ _", "_ 0", "", "."),
        ("_ _", "_ _", "", "F"),
        ("0 0", "1 1", "no connection", "F"),
    ],
)
def test_blind(age: str, exporter_up: str, health: str, mark: str) -> None:
    window = seen(age, exporter_up, health)
    assert marks(judge(PrometheusUnreachable, window)) == mark


def test_a_cluster_without_known_gpus_is_not_blind() -> None:
    assert marks(judge(PrometheusUnreachable, window_of(fleet_of(0, 0)))) == "."


def test_it_says_why() -> None:
    window = seen("_ _", "_ _")
    rule = PrometheusUnreachable.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == "blind: Prometheus cannot be read"
    assert "shows none of the 2 known GPUs" in words.action
