import pytest

from gpuwatch.rules.gpu_temperature import GpuTemperature
from tests.rules.builders import (
    H100,
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    story,
    window_of,
)

STEPS = 21  # of 15 s: they reach back 5 minutes


def _level(model: str, celsius: str, **metrics: Written) -> str:
    window = window_of(
        fleet_of(model=model), metrics, steps=STEPS, gpu_temperature_celsius=celsius
    )
    return levels(GpuTemperature, judge(GpuTemperature, window))


@pytest.mark.parametrize(
    ("model", "celsius", "level"),
    [
        # by the table: near from 3 below operating, critical above the slowdown
        (H100, "83", "."),
        (H100, "84", "W"),
        (H100, "89", "W"),
        (H100, "90", "C"),
        ("NVIDIA A100-SXM4-80GB", "81", "."),
        ("NVIDIA A100-SXM4-80GB", "82", "W"),
        ("NVIDIA A100-SXM4-80GB", "90", "C"),
        ("NVIDIA B200", "84", "."),
        ("NVIDIA B200", "91", "W"),
        ("NVIDIA B200", "92", "C"),
        ("NVIDIA GB200", "82", "W"),
        ("NVIDIA GB200", "88", "C"),
        ("NVIDIA GH200 480GB", "83", "W"),
        ("NVIDIA H200", "83", "."),
        ("Tesla T4", "87", "."),
        ("Tesla T4", "88", "W"),
        ("Tesla T4", "94", "C"),
        # nothing known: 90
        ("", "86", "."),
        ("Some New GPU", "87", "W"),
        ("Some New GPU", "90", "W"),
        ("Some New GPU", "91", "C"),
        (H100, "_", "?"),
    ],
)
def test_limits_by_model(model: str, celsius: str, level: str) -> None:
    assert _level(model, celsius) == level


@pytest.mark.parametrize(
    ("celsius", "slowdown", "operating", "level"),
    [
        ("89", "95", "92", "W"),
        ("88", "95", "92", "."),
        ("96", "95", "92", "C"),
        ("95", "95", "92", "W"),
        ("90", "95", "_", "W"),  # operating taken as 2 below the slowdown
        ("89", "95", "_", "."),
        ("95", "_", "92", "C"),  # slowdown taken as 2 above
        ("94", "_", "92", "W"),
        ("83", "0", "0", "."),  # blank limits are none
        ("84", "57", "57", "W"),
    ],
)
def test_the_devices_own_limits_come_first(
    celsius: str, slowdown: str, operating: str, level: str
) -> None:
    found = _level(
        H100,
        celsius,
        slowdown_temperature_celsius=slowdown,
        max_operating_temperature_celsius=operating,
    )
    assert found == level


@pytest.mark.parametrize(
    ("model", "celsius", "margin", "reasons", "level"),
    [
        # the margin knows better than the table, by a few degrees
        (H100, "82", "3", "0", "W"),
        (H100, "82", "4", "0", "."),
        (H100, "88", "-2", "0", "W"),  # -2 is the slowdown itself
        (H100, "88", "-3", "0", "C"),
        ("NVIDIA B200", "88", "-3", "0", "W"),
        ("NVIDIA B200", "88", "-4", "0", "C"),
        ("NVIDIA GB300", "88", "-3", "0", "C"),
        ("NVIDIA L40S", "87", "-2", "0", "W"),
        ("NVIDIA L40S", "87", "-3", "0", "C"),
        # a margin stuck at or below 0 on a cool GPU is not believed
        (H100, "45", "0", "0", "."),
        (H100, "45", "-5", "0", "."),
        (H100, "70", "0", "0", "."),
        (H100, "70", "3", "0x20", "W"),  # unless a heat bit agrees
        (H100, "70", "3", "0x4", "."),
        (H100, "70", "3", "_", "."),
        (H100, "_", "0", "0x20", "?"),
        # nor a margin that would allow 120 degrees
        (H100, "90", "30", "0", "C"),
    ],
)
def test_margin_only_where_something_agrees(
    model: str, celsius: str, margin: str, reasons: str, level: str
) -> None:
    found = _level(
        model, celsius, thermal_margin_celsius=margin, throttle_reasons=reasons
    )
    assert found == level


def _told(readings: list[str]) -> str:
    window = window_of(fleet_of(), gpu_temperature_celsius=readings)
    return "".join(story(GpuTemperature, window))


def test_near_needs_four_of_five_minutes() -> None:
    # 17 of 21 readings
    assert _told(["60"] * 20 + ["85"] * 18) == "." * 36 + "FF"


def test_beyond_needs_most_of_two_minutes() -> None:
    # 8 of 9 readings
    assert _told(["60"] * 20 + ["95"] * 9) == "." * 27 + "FF"


def test_a_start_near_the_limit_waits_for_its_five_minutes() -> None:
    assert _told(["85"] * 21) == "." * 19 + "FF"


def test_one_cooler_reading_does_not_start_it_again() -> None:
    assert _told(["85"] * 21 + ["80", "85"])[-3:] == "F.F"


def test_at_the_slowdown_limit_is_not_beyond_it() -> None:
    window = window_of(fleet_of(), gpu_temperature_celsius=["89"] * 20 + ["90"])
    assert levels(GpuTemperature, judge(GpuTemperature, window)) == "W"


def test_a_gap_is_unknown() -> None:
    assert _told(["85"] * 21 + ["_", "85"])[-3:] == "F?F"


def test_a_start_with_heat_waits_for_its_two_minutes() -> None:
    assert _told(["95"] * 9) == "." * 7 + "FF"


def test_began_with_the_first_hot_reading() -> None:
    window = window_of(
        fleet_of(), at=1000, gpu_temperature_celsius=["60"] * 13 + ["95"] * 8
    )
    verdicts = judge(GpuTemperature, window)
    assert verdicts.since is not None
    assert verdicts.since.tolist() == [895]


def test_settings_move_the_limits() -> None:
    rule = GpuTemperature.configured(
        {"near_celsius": 10, "near_for": "1m", "fallback_celsius": 80}
    )
    window = window_of(
        fleet_of(gpus=2, model=["", H100]), steps=5, gpu_temperature_celsius="70 77"
    )
    assert levels(rule, judge(rule, window)) == "WW"


@pytest.mark.parametrize(
    ("celsius", "summary", "action"),
    [
        (85, "GPU near its temperature limit, 85 °C", "heat sink"),
        (91, "GPU beyond its slowdown limit, 91 °C", "Drain"),
    ],
)
def test_words(celsius: float, summary: str, action: str) -> None:
    rule = GpuTemperature.configured({})
    window = window_of(fleet_of(), steps=STEPS, gpu_temperature_celsius=celsius)
    found = finding(rule, judge(rule, window), window)
    assert rule.explain(found).summary == summary
    assert action in rule.explain(found).action
    assert found.value("slowdown_limit_celsius") == 89
