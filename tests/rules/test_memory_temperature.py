import pytest

from gpuwatch.rules.memory_temperature import MemoryTemperature
from tests.rules.builders import (
    H100,
    finding,
    fleet_of,
    judge,
    levels,
    story,
    window_of,
)

STEPS = 21


@pytest.mark.parametrize(
    ("model", "celsius", "limit", "level"),
    [
        (H100, "91", "_", "."),
        (H100, "92", "_", "W"),
        (H100, "95", "_", "W"),
        (H100, "96", "_", "C"),
        ("Tesla V100-SXM2-32GB", "82", "_", "W"),
        ("Tesla V100-SXM2-32GB", "86", "_", "C"),
        ("Some New GPU", "92", "_", "W"),
        (H100, "96", "105", "."),
        (H100, "102", "105", "W"),
        (H100, "106", "105", "C"),
        (H100, "91", "0", "."),
        (H100, "_", "95", "?"),  # a board without HBM
    ],
)
def test_limits(model: str, celsius: str, limit: str, level: str) -> None:
    window = window_of(
        fleet_of(model=model),
        steps=STEPS,
        memory_temperature_celsius=celsius,
        memory_max_operating_temperature_celsius=limit,
    )
    assert levels(MemoryTemperature, judge(MemoryTemperature, window)) == level


@pytest.mark.parametrize(
    ("celsius", "told"),
    [("93", "." * 36 + "FF"), ("97", "." * 27 + "F" * 11)],
)
def test_near_needs_most_of_five_minutes_and_beyond_of_two(
    celsius: str, told: str
) -> None:
    window = window_of(
        fleet_of(), memory_temperature_celsius=["70"] * 20 + [celsius] * 18
    )
    assert "".join(story(MemoryTemperature, window)) == told


@pytest.mark.parametrize(
    ("celsius", "summary", "action"),
    [
        (93, "GPU memory near its temperature limit, 93 °C", "heat sink"),
        (97, "GPU memory beyond its limit, 97 °C", "Drain"),
    ],
)
def test_words(celsius: float, summary: str, action: str) -> None:
    rule = MemoryTemperature.configured({})
    window = window_of(fleet_of(), steps=STEPS, memory_temperature_celsius=celsius)
    found = finding(rule, judge(rule, window), window)
    assert rule.explain(found).summary == summary
    assert action in rule.explain(found).action
