"""A store that refuses is told with its own words."""

from dataclasses import replace

import pytest

from gpuwatch.rules.store_failing import StoreFailing
from tests.rules.builders import finding, fleet_of, judge, marks, window_of


@pytest.mark.parametrize(("reason", "mark"), [("", "."), ("disk full", "F")])
def test_store(reason: str, mark: str) -> None:
    window = window_of(fleet_of())
    ill = {"store": reason} if reason else {}
    told = judge(StoreFailing, replace(window, now=replace(window.now, health=ill)))
    assert marks(told) == mark
    assert told.words == (reason,)


def test_it_says_why() -> None:
    rule = StoreFailing.configured({})
    window = window_of(fleet_of())
    window = replace(window, now=replace(window.now, health={"store": "disk full"}))
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert "disk full" in words.action
