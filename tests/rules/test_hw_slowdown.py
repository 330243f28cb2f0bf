import pytest

from gpuwatch.rules.hw_slowdown import HwSlowdown
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


@pytest.mark.parametrize(
    ("reasons", "mark"),
    [
        ("0x8", "F"),
        ("0xc", "F"),
        ("0x28", "F"),
        ("0x48", "."),
        ("0x88", "."),
        ("0xc8", "."),
        ("0x0", "."),
        ("0x1", "."),
        ("0x2", "."),
        ("0x4", "."),
        ("0x10", "."),
        ("0x20", "."),
        ("0x100", "."),
        ("0x1000", "."),
        ("_", "?"),
    ],
)
def test_bits(reasons: str, mark: str) -> None:
    window = window_of(fleet_of(), throttle_reasons=reasons)
    assert marks(judge(HwSlowdown, window)) == mark


def test_a_minute_by_default_and_louder_rules_first() -> None:
    assert HwSlowdown.configured({}).params.hold == 60.0
    assert HwSlowdown.yields_to == ("thermal_slowdown", "power_brake")


@pytest.mark.parametrize(
    ("reasons", "clock", "percent", "level"),
    [
        ("0x8", "990", "100", "C..."),
        ("0x8", "1980", "100", "W..."),
        ("0x8", "345", "0", "W..."),  # idle: a low clock is no loss
        ("0x8", "_", "100", "W..."),
        ("0xc", "1790", "100", "W..."),
        ("0xc", "1782", "100", "C..."),
    ],
)
def test_severity(reasons: str, clock: str, percent: str, level: str) -> None:
    window = window_of(
        fleet_of(gpus=4),
        throttle_reasons=f"{reasons} 4 4 4",
        sm_clock_megahertz=f"{clock} 1980 1980 1980",
        utilization_percent=f"{percent} 100 100 100",
    )
    assert levels(HwSlowdown, judge(HwSlowdown, window)) == level


def test_a_whole_node_is_compared_with_its_maximum() -> None:
    window = window_of(
        fleet_of(gpus=4),
        throttle_reasons=0x8,
        sm_clock_megahertz=990,
        max_sm_clock_megahertz=1980,
        utilization_percent=100,
    )
    assert levels(HwSlowdown, judge(HwSlowdown, window)) == "CCCC"


@pytest.mark.parametrize(
    ("clock", "summary"),
    [
        ("990", "HW slowdown, cause unknown, 990 MHz"),
        ("_", "HW slowdown, cause unknown"),
    ],
)
def test_words(clock: str, summary: str) -> None:
    rule = HwSlowdown.configured({})
    window = window_of(fleet_of(), throttle_reasons="0x8", sm_clock_megahertz=clock)
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "reset the GPU" in words.action
