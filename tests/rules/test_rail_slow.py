import pytest

from gpuwatch.rules.rail_slow import RailSlow
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


@pytest.mark.parametrize(
    ("share", "mark"),
    [("0.75", "F"), ("0.9", "F"), ("0.91", "."), ("0.97", "."), ("1", "."), ("_", "?")],
)
def test_ten_percent_less_than_its_siblings(share: str, mark: str) -> None:
    window = window_of(fleet_of(), node={"rail_share_ratio": share})
    assert marks(judge(RailSlow, window)) == mark


def test_one_verdict_a_node_and_a_warning() -> None:
    window = window_of(fleet_of(nodes=3), node={"rail_share_ratio": "1 0.6 _"})
    assert levels(RailSlow, judge(RailSlow, window)) == ".W?"


def test_not_right_after_a_boot() -> None:
    window = window_of(
        fleet_of(nodes=2),
        node={"rail_share_ratio": "0.6 0.6"},
        booted_seconds_ago="599 600",
    )
    assert marks(judge(RailSlow, window)) == "?F"


def test_the_threshold_can_be_set() -> None:
    rule = RailSlow.configured({"less_percent": 30})
    window = window_of(fleet_of(nodes=2), node={"rail_share_ratio": "0.69 0.71"})
    assert marks(judge(rule, window)) == "F."


@pytest.mark.parametrize(
    ("number", "summary"),
    [
        ("5", "Network rail 5 carries 32 % less"),
        ("_", "A network rail carries 32 % less"),
    ],
)
def test_words(number: str, summary: str) -> None:
    node = {"rail_share_ratio": "0.68", "slowest_rail_number": number}
    window = window_of(fleet_of(), node=node)
    rule = RailSlow.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert words.action.startswith("Look at the port's errors")


def test_a_healthy_node_shows_no_evidence() -> None:
    node = {"rail_share_ratio": "0.98", "slowest_rail_number": "2"}
    window = window_of(fleet_of(), node=node)
    assert finding(RailSlow, judge(RailSlow, window), window).evidence == {}
