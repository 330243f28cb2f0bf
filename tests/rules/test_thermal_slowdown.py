import math

import pytest

from gpuwatch.model.verdict import Finding, Words
from gpuwatch.rules.thermal_slowdown import ThermalSlowdown
from tests.rules.builders import (
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    over_time,
    story,
    window_of,
)


@pytest.mark.parametrize(
    ("reasons", "mark"),
    [
        ("0x40", "F"),
        ("0x48", "F"),
        ("0x44", "F"),
        ("0x0", "."),
        ("0x1", "."),
        ("0x2", "."),
        ("0x4", "."),
        ("0x8", "."),
        ("0x10", "."),
        ("0x80", "."),
        ("0x100", "."),
        ("0x200", "."),
        ("0x400", "."),
        ("0x80000000", "."),
        ("0x40000040", "F"),
        ("_", "?"),
    ],
)
def test_one_reading(reasons: str, mark: str) -> None:
    window = window_of(fleet_of(), throttle_reasons=reasons)
    assert marks(judge(ThermalSlowdown, window)) == mark


@pytest.mark.parametrize(
    ("readings", "told"),
    [
        # too few readings to tell a blip from heat: unknown, then decided
        ("0x20 0x20 0x20 0x20", "???F"),
        ("0x20 0 0 0 0 0", "?....."),
        # on and off in a third of the readings is caught, a quarter or two are not
        ("0 0x20 0 0x20 0 0x20", ".?...F"),
        ("0 0 0x20 0 0 0x20 0 0 0x20", "..?.....F"),
        ("0 0 0 0x20 0 0 0 0x20 0 0 0 0x20", "............"),
        # 0x40 on and off stays known as bad between two hits
        ("0x40 0 0x40 0 0x40 0", "F.F.FF"),
        # what is over does not linger for the rest of the window
        ("0x40 0x40 0x40 0x40 0 0 0 0", "FFFFFF.."),
        ("0x20 0x20 0x20 0x20 _ 0x20", "???F?F"),
        ("_ _ 0x20 0x20 0x20 0x20", "?????F"),
    ],
)
def test_over_time(readings: str, told: str) -> None:
    window = window_of(fleet_of(), throttle_reasons=over_time(readings))
    assert "".join(story(ThermalSlowdown, window)) == told


@pytest.mark.parametrize(("hits", "mark"), [(4, "."), (5, "F")])
def test_a_third_of_the_last_three_minutes(hits: int, mark: str) -> None:
    # 13 readings reach back 180 s; older ones do not count
    recent = ["0x20"] * (hits - 1) + ["0"] * (13 - hits) + ["0x20"]
    window = window_of(fleet_of(), throttle_reasons=["0x20"] * 5 + recent)
    assert marks(judge(ThermalSlowdown, window)) == mark


def test_slow_polls_need_two_readings_that_cover_the_window() -> None:
    window = window_of(
        fleet_of(), step_seconds=120, throttle_reasons=over_time("0 0x20 0x20")
    )
    assert story(ThermalSlowdown, window) == [".", "F", "F"]


@pytest.mark.parametrize(
    ("violation", "mark"),
    [
        # seconds held back in the last 60 s; the bit was set in one of five readings
        ("0 0 0 0 12", "F"),
        ("0 0 0 0 11.9", "."),
        ("_ _ _ _ _", "."),
        # a counter that gains more than a second a second is in another unit
        ("0 0 0 0 6000", "."),
        ("50 50 50 0 12", "F"),
    ],
)
def test_violation_counter_supports_one_bit(violation: str, mark: str) -> None:
    window = window_of(
        fleet_of(),
        throttle_reasons=over_time("0 0 0x20 0 0"),
        thermal_violation_seconds=over_time(violation),
    )
    assert marks(judge(ThermalSlowdown, window)) == mark


def test_violation_counter_alone_proves_nothing() -> None:
    window = window_of(
        fleet_of(),
        throttle_reasons=over_time("0 0 0 0 0"),
        thermal_violation_seconds=over_time("0 15 30 45 60"),
    )
    assert marks(judge(ThermalSlowdown, window)) == "."


@pytest.mark.parametrize(
    ("clocks", "mark"),
    [("1881 1980 1980 1980", "F..."), ("1890 1980 1980 1980", "?...")],
)
def test_one_soft_bit_with_a_lower_clock(clocks: str, mark: str) -> None:
    window = window_of(
        fleet_of(gpus=4),
        throttle_reasons="0x20 0 0 0",
        sm_clock_megahertz=clocks,
        utilization_percent=100,
    )
    assert marks(judge(ThermalSlowdown, window)) == mark


@pytest.mark.parametrize(
    ("reasons", "clocks", "level"),
    [
        ("0x20", "1782 1980 1980 1980", "C..."),  # 10 % below its peers
        ("0x20", "1790 1980 1980 1980", "W..."),
        ("0x20", "_ 1980 1980 1980", "W..."),
        ("0x40", "1980 1980 1980 1980", "C..."),
        ("0x20", "1485 _ _ _", "C..."),  # 25 % below the maximum
        ("0x20", "1486 _ _ _", "W..."),
        ("0x24", "1485 _ _ _", "W..."),  # the power cap explains it
    ],
)
def test_severity_follows_the_clock(reasons: str, clocks: str, level: str) -> None:
    window = window_of(
        fleet_of(gpus=4),
        steps=5,
        throttle_reasons=f"{reasons} 0 0 0",
        sm_clock_megahertz=clocks,
        max_sm_clock_megahertz=1980,
        utilization_percent=100,
    )
    assert levels(ThermalSlowdown, judge(ThermalSlowdown, window)) == level


def test_an_idle_gpu_at_its_resting_clock_is_only_a_warning() -> None:
    window = window_of(
        fleet_of(gpus=4),
        steps=5,
        throttle_reasons="0x20 0 0 0",
        sm_clock_megahertz="345 1980 1980 1980",
        utilization_percent="0 100 100 100",
        power_watts="70 600 600 600",
    )
    assert levels(ThermalSlowdown, judge(ThermalSlowdown, window)) == "W..."


def test_peers_are_of_the_same_job() -> None:
    window = window_of(
        fleet_of(gpus=8),
        steps=5,
        throttle_reasons="0x20 0 0 0 0 0 0 0",
        sm_clock_megahertz="1400 1400 1400 1400 1980 1980 1980 1980",
        utilization_percent=100,
        jobs="a a a a b b b b",
    )
    assert levels(ThermalSlowdown, judge(ThermalSlowdown, window)) == "W......."


def test_throttled_ones_are_no_peers() -> None:
    window = window_of(
        fleet_of(gpus=8),
        steps=5,
        throttle_reasons="0x20 0x20 0x20 0x20 0x20 0 0 0",
        sm_clock_megahertz="1400 1400 1400 1400 1400 1980 1980 1980",
        utilization_percent=100,
    )
    assert levels(ThermalSlowdown, judge(ThermalSlowdown, window)) == "CCCCC..."


def test_a_severity_set_by_the_operator_is_the_ceiling() -> None:
    rule = ThermalSlowdown.configured({"severity": "info"})
    window = window_of(fleet_of(gpus=2), steps=5, throttle_reasons="0x40 0x20")
    assert levels(rule, judge(rule, window)) == "II"


@pytest.mark.parametrize(
    ("power", "limit", "percent", "reasons", "loaded"),
    [
        ("245", "700", "100", "0", True),
        ("244", "700", "100", "0", False),  # a hang spins at 100 %
        ("115", "_", "100", "0", False),  # the model's own limit serves
        ("_", "_", "50", "0", True),
        ("_", "_", "49", "0", False),
        ("_", "_", "_", "0", True),
        ("_", "_", "_", "0x1", False),
        ("_", "_", "_", "_", False),
    ],
)
def test_only_a_load_proves_recovery(
    power: str, limit: str, percent: str, reasons: str, *, loaded: bool
) -> None:
    window = window_of(
        fleet_of(),
        throttle_reasons=reasons,
        power_watts=power,
        power_limit_watts=limit,
        utilization_percent=percent,
    )
    found = judge(ThermalSlowdown, window).loaded
    assert found is not None
    assert found.tolist() == [loaded]


def test_began_with_the_first_hot_reading() -> None:
    window = window_of(
        fleet_of(gpus=2), at=1000, throttle_reasons=["0 0", *["0x20 0"] * 4]
    )
    since = judge(ThermalSlowdown, window).since
    assert since is not None
    assert since[0] == 955
    assert math.isnan(since[1])


def test_mig_rows_say_the_same_twice() -> None:
    fleet = fleet_of(gpus=2, mig="1")
    window = window_of(fleet, steps=5, throttle_reasons=0x20)
    assert levels(ThermalSlowdown, judge(ThermalSlowdown, window)) == "WW"


def _explained(reasons: str, celsius: str = "91") -> Words:
    window = window_of(
        fleet_of(),
        steps=5,
        throttle_reasons=reasons,
        gpu_temperature_celsius=celsius,
    )
    rule = ThermalSlowdown.configured({})
    verdicts = judge(rule, window)
    return rule.explain(finding(rule, verdicts, window))


@pytest.mark.parametrize(
    ("reasons", "celsius", "summary"),
    [
        ("0x48", "91", "HW thermal slowdown, 91 °C"),
        ("0x20", "88", "SW thermal slowdown, 88 °C"),
        ("0x40", "_", "HW thermal slowdown"),
        ("0x0", "86", "Thermal slowdown, on and off, 86 °C"),
    ],
)
def test_summary(reasons: str, celsius: str, summary: str) -> None:
    assert _explained(reasons, celsius).summary == summary


def test_action_for_one_gpu_and_for_many() -> None:
    fleet = fleet_of(gpus=3)
    rule = ThermalSlowdown.configured({})
    many = Finding(
        fleet.subject(0), rule.params.severity, {}, members=tuple(fleet.gpus)
    )
    assert "heat sink" in _explained("0x40").action
    assert rule.explain(many).action.startswith("Several GPUs are too hot")


def test_between_two_pulses_it_still_says_which_bits() -> None:
    readings = over_time("0x48 0x4 0x4")
    verdicts = judge(ThermalSlowdown, window_of(fleet_of(), throttle_reasons=readings))
    assert verdicts.evidence["throttle_reasons"].tolist() == [0x4C]
    over = over_time("0x48 0x4 0x4 0x4")
    verdicts = judge(ThermalSlowdown, window_of(fleet_of(), throttle_reasons=over))
    assert verdicts.evidence["throttle_reasons"].tolist() == [0x4]
