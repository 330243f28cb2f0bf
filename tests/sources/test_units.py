import numpy as np
import pytest

from gpuwatch.model.metric import catalogue
from gpuwatch.sources.decode import blanks, impossible, scaled
from gpuwatch.sources.units import Ratios

NAN = float("nan")


def percents(
    *steps: list[float], hertz: list[bool] | None = None, nodes: list[int] | None = None
) -> list[list[float]]:
    """What a fleet's values become, step by step, in separate cycles."""
    ratios = Ratios()
    node_of = np.array(nodes or [0] * len(steps[0]))
    result = []
    for index, step in enumerate(steps):
        flags = np.full((1, node_of.max() + 1), hertz[index] if hertz else False)
        found = ratios.percent("X", np.array([step]), node_of, flags)
        result.append(found[0].tolist())
    return result


@pytest.mark.parametrize(
    ("steps", "hertz", "expected"),
    [
        ([[37.0, 1.0, 0.0]], None, [[37.0, 1.0, 0.0]]),
        ([[0.37, 1.0, 0.0]], None, [[37.0, 100.0, 0.0]]),
        ([[1.0, 0.0, NAN]], None, [[NAN, 0.0, NAN]]),
        ([[1.0], [0.5], [1.0]], None, [[NAN], [50.0], [100.0]]),
        ([[2.0], [1.0]], None, [[2.0], [1.0]]),
        ([[1.0]], [True], [[100.0]]),
        ([[99.0], [1.0]], [False, True], [[99.0], [100.0]]),
        ([[99.0], [1.0]], [True, True], [[99.0], [1.0]]),
        ([[0.5], [1.02]], None, [[50.0], [100.0]]),
        ([[808334905.0, 1.0]], None, [[NAN, NAN]]),
        ([[0.5, 808334905.0]], None, [[50.0, 80833490500.0]]),
    ],
)
def test_a_ratio_is_told_from_a_percentage(
    steps: list[list[float]], hertz: list[bool] | None, expected: list[list[float]]
) -> None:
    np.testing.assert_allclose(percents(*steps, hertz=hertz), expected)


def test_each_node_has_its_own_unit() -> None:
    found = percents([50.0, 1.0, 0.5, 1.0], nodes=[0, 0, 1, 1])
    assert found == [[50.0, 1.0, 50.0, 100.0]]


@pytest.mark.parametrize(
    ("metric", "raw", "blank"),
    [
        ("gpu_temperature_celsius", 9223372036854775794.0, True),
        ("gpu_temperature_celsius", 2147483632.0, True),
        ("power_watts", 140737488355330.0, True),
        ("energy_joules", 140737488355330.0, False),
        ("energy_joules", 2147483633.0, False),
        ("energy_joules", 9223372036854775792.0, True),
        ("throttle_reasons", 2147483633.0, False),
        ("throttle_reasons", 9223372036854775792.0, True),
    ],
)
def test_blanks_are_known_by_the_field(metric: str, raw: float, blank: bool) -> None:
    assert blanks(np.array([[raw]]), catalogue()[metric]).item() is blank


@pytest.mark.parametrize(
    ("value", "wrong"), [(0, True), (345, True), (-3, True), (150, False), (1, False)]
)
def test_a_temperature_can_be_impossible(value: float, wrong: bool) -> None:
    metric = catalogue()["gpu_temperature_celsius"]
    assert impossible(np.array([[value]]), metric).item() is wrong


def test_scales_leave_no_dust() -> None:
    hertz = np.array([[1_980_000_000.0, 345_000_000.0]])
    assert scaled(hertz, 1e-6).tolist() == [[1980.0, 345.0]]
    assert scaled(np.array([[1e9]]), 1e-9).tolist() == [[1.0]]
