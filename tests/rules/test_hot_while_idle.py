import pytest

from gpuwatch.rules.hot_while_idle import HotWhileIdle
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    story,
    window_of,
)

STEPS = 21  # of 15 s: 5 minutes


def _mark(celsius: str, percent: Written, watts: Written, model: str = "H100") -> str:
    window = window_of(
        fleet_of(model=model),
        steps=STEPS,
        gpu_temperature_celsius=celsius,
        utilization_percent=percent,
        power_watts=watts,
    )
    return marks(judge(HotWhileIdle, window))


@pytest.mark.parametrize(
    ("celsius", "percent", "watts", "mark"),
    [
        ("71", "0", "75", "F"),
        ("70", "0", "75", "."),
        ("71", "9", "209", "F"),
        # hot and not idle proves nothing; cool is fine under any load
        ("71", "10", "75", "?"),
        ("71", "0", "210", "?"),
        ("78", "100", "690", "?"),
        ("65", "100", "690", "."),
        ("40", "_", "_", "."),
        ("71", "_", "75", "?"),
        ("71", "0", "_", "?"),
        ("_", "0", "75", "?"),
    ],
)
def test_hot_and_idle(celsius: str, percent: str, watts: str, mark: str) -> None:
    assert _mark(celsius, percent, watts) == mark


@pytest.mark.parametrize(
    ("watts", "mark"),
    [
        # went idle 5 minutes ago, and 15 s less
        (["690"] + ["75"] * 21, "F"),
        (["690"] * 2 + ["75"] * 20, "?"),
        (["75"] * 10 + ["690"] + ["75"] * 11, "?"),
        # gpuwatch has only just started
        (["75"] * 19, "?"),
        (["75"] * 20, "F"),
        (["75"] * 21 + ["_"], "?"),
    ],
)
def test_a_gpu_that_has_just_gone_idle_reads_hot(watts: list[str], mark: str) -> None:
    window = window_of(
        fleet_of(),
        gpu_temperature_celsius=80,
        utilization_percent=0,
        power_watts=watts,
    )
    assert marks(judge(HotWhileIdle, window)) == mark


def test_utilisation_must_have_been_low_too() -> None:
    busy_once = ["0"] * 10 + ["100"] + ["0"] * 10
    assert _mark("80", busy_once, "75") == "?"


@pytest.mark.parametrize(
    ("model", "watts", "mark"),
    [
        ("NVIDIA B200", "204", "F"),  # idles at 187-204 W of 1000
        ("NVIDIA A100-SXM4-80GB", "119", "F"),
        ("NVIDIA A100-SXM4-80GB", "120", "?"),
        ("Some New GPU", "400", "F"),  # limit unknown: utilisation decides
    ],
)
def test_low_power_is_relative_to_the_model(model: str, watts: str, mark: str) -> None:
    assert _mark("80", "0", watts, model) == mark


def test_an_exported_limit_comes_first() -> None:
    window = window_of(
        fleet_of(gpus=2),
        steps=STEPS,
        gpu_temperature_celsius=80,
        utilization_percent=0,
        power_watts=75,
        power_limit_watts="700 200",
    )
    assert marks(judge(HotWhileIdle, window)) == "F?"


def test_half_an_hour_and_a_warning_by_default() -> None:
    rule = HotWhileIdle.configured({})
    window = window_of(
        fleet_of(),
        steps=STEPS,
        gpu_temperature_celsius=80,
        utilization_percent=0,
        power_watts=75,
    )
    assert rule.params.hold == 1800.0
    assert levels(rule, judge(rule, window)) == "W"


def test_a_job_that_starts_makes_it_unknown_and_not_recovered() -> None:
    window = window_of(
        fleet_of(),
        gpu_temperature_celsius=80,
        utilization_percent=["0"] * 22 + ["100"],
        power_watts=["75"] * 22 + ["690"],
    )
    assert "".join(story(HotWhileIdle, window))[-3:] == "FF?"


def test_settings_move_the_thresholds() -> None:
    rule = HotWhileIdle.configured(
        {"hot_celsius": 60, "idle_percent": 30, "idle_for": "1m"}
    )
    window = window_of(
        fleet_of(),
        steps=5,
        gpu_temperature_celsius=61,
        utilization_percent=29,
        power_watts=75,
    )
    assert marks(judge(rule, window)) == "F"


def test_words() -> None:
    rule = HotWhileIdle.configured({})
    window = window_of(
        fleet_of(),
        steps=STEPS,
        gpu_temperature_celsius=74,
        utilization_percent=0,
        power_watts=75,
    )
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == "Hot while idle, 74 °C"
    assert words.action.startswith("Keep jobs off the node.")
