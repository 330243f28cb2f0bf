import pytest

from gpuwatch.rules.power_brake import PowerBrake
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


@pytest.mark.parametrize(
    ("reasons", "mark"),
    [
        ("0x80", "F"),
        ("0x88", "F"),
        ("0x8c", "F"),
        ("0x0", "."),
        ("0x1", "."),
        ("0x2", "."),
        ("0x4", "."),
        ("0x8", "."),
        ("0x10", "."),
        ("0x20", "."),
        ("0x40", "."),
        ("0x100", "."),
        ("0x800", "."),
        ("0x80000000", "."),
        ("_", "?"),
    ],
)
def test_bits(reasons: str, mark: str) -> None:
    window = window_of(fleet_of(), throttle_reasons=reasons)
    assert marks(judge(PowerBrake, window)) == mark


def test_critical_on_each_gpu_of_the_node() -> None:
    window = window_of(fleet_of(nodes=2, gpus=2), throttle_reasons="0x88 0x88 0x4 0x4")
    assert levels(PowerBrake, judge(PowerBrake, window)) == "CC.."


def test_an_idle_gpu_cannot_prove_recovery() -> None:
    window = window_of(
        fleet_of(gpus=2), throttle_reasons="0x1 0x4", power_watts="70 690"
    )
    loaded = judge(PowerBrake, window).loaded
    assert loaded is not None
    assert loaded.tolist() == [False, True]


@pytest.mark.parametrize(
    ("clock", "summary"),
    [("990", "HW power brake, SM clock 990 MHz"), ("_", "HW power brake")],
)
def test_words(clock: str, summary: str) -> None:
    rule = PowerBrake.configured({})
    window = window_of(fleet_of(), throttle_reasons="0x88", sm_clock_megahertz=clock)
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "power supplies" in words.action
