import pytest

from gpuwatch.rules.pcie_replays import PcieReplays
from tests.rules.builders import finding, fleet_of, judge, marks, over_time, window_of


def climbing(per_minute: float, polls: int = 20) -> list[str]:
    return [str(7 + poll * per_minute / 4) for poll in range(polls + 1)]


@pytest.mark.parametrize(
    ("generation", "width", "limit"),
    [
        ("1", "16", 2.4),
        ("2", "16", 4.8),
        ("3", "16", 7.68),
        ("4", "16", 15.36),
        ("4", "8", 7.68),
        ("5", "16", 30.72),
        ("6", "16", 61.44),
        ("9", "16", 61.44),
        ("_", "16", 30.72),
        ("5", "_", 30.72),
        ("_", "_", 30.72),
    ],
)
def test_dcgms_limit_by_generation_and_width(
    generation: str, width: str, limit: float
) -> None:
    for rate, expected in ((limit * 1.01, "F"), (limit * 0.99, ".")):
        window = window_of(
            fleet_of(),
            pcie_replays=climbing(rate),
            pcie_max_link_generation=generation,
            pcie_link_width=width,
        )
        assert marks(judge(PcieReplays, window)) == expected


def test_an_idle_links_generation_is_not_the_measure() -> None:
    window = window_of(
        fleet_of(gpus=2), pcie_replays=climbing(20), pcie_link_generation="1 5"
    )
    assert marks(judge(PcieReplays, window)) == ".."


def test_without_the_present_width_the_boards_own_counts() -> None:
    window = window_of(
        fleet_of(),
        pcie_replays=climbing(20),
        pcie_max_link_generation="5",
        pcie_max_link_width="8",
    )
    assert marks(judge(PcieReplays, window)) == "F"


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ("5" + " 5" * 20, "."),
        ("0" + " 9000" * 20, "."),
        ("0" + " 0" * 19 + " 9000", "F"),
        ("9000" + " 0" * 20, "."),
        ("0 1000 2000", "?"),
        ("0 1000 2000 3000 4000", "F"),
        ("0 1000 2000 3000 _", "?"),
        ("0 _ _ _ 4000", "F"),
        ("_ _ _ _ _", "?"),
    ],
)
def test_bursts_gaps_and_resets(readings: str, expected: str) -> None:
    window = window_of(fleet_of(), pcie_replays=over_time(readings))
    assert marks(judge(PcieReplays, window)) == expected


def test_the_limit_can_be_raised() -> None:
    rule = PcieReplays.configured({"limit_ratio": 2})
    for rate, expected in ((60, "."), (63, "F")):
        window = window_of(fleet_of(), pcie_replays=climbing(rate))
        assert marks(judge(rule, window)) == expected


def test_words() -> None:
    rule = PcieReplays.configured({})
    window = window_of(
        fleet_of(),
        pcie_replays=climbing(80),
        pcie_link_generation="5",
        pcie_link_width="16",
    )
    found = finding(rule, judge(rule, window), window)
    assert found.evidence == pytest.approx(
        {
            "replays_per_minute": 80.0,
            "replays_allowed_per_minute": 30.72,
            "pcie_link_generation": 5.0,
            "pcie_link_width_lanes": 16.0,
        }
    )
    words = rule.explain(found)
    assert words.summary == "80 PCIe replays a minute"
    assert "reseat the board" in words.action
