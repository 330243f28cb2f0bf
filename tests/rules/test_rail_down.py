import pytest

from gpuwatch.rules.rail_down import RailDown
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


def test_any_port_that_is_down() -> None:
    window = window_of(fleet_of(nodes=4), node={"rails_down_count": "0 1 2 _"})
    assert levels(RailDown, judge(RailDown, window)) == ".WW?"


def test_ports_come_up_after_a_boot() -> None:
    window = window_of(
        fleet_of(nodes=2),
        node={"rails_down_count": "8 8"},
        booted_seconds_ago="300 601",
    )
    assert marks(judge(RailDown, window)) == "?F"


def test_a_minute_outlasts_a_port_that_trains_anew() -> None:
    assert RailDown.configured({}).params.hold == 60.0


@pytest.mark.parametrize(
    ("count", "number", "summary"),
    [
        ("1", "3", "Network port 3 is down"),
        ("1", "_", "A network port is down"),
        ("2", "3", "2 network ports down"),
    ],
)
def test_words(count: str, number: str, summary: str) -> None:
    node = {"rails_down_count": count, "down_rail_number": number}
    window = window_of(fleet_of(), node=node)
    rule = RailDown.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "ibstat" in words.action
