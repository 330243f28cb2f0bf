"""Whether power was steady for five minutes, by the minute."""

import numpy as np
import pytest

from gpuwatch.model.steady import steady_watts
from tests.rules.builders import fleet_of, window_of


def watts(text: str, step_seconds: float = 15.0) -> float:
    """Digits are hundreds of watts, `_` is absent, the present last."""
    words = ["_" if mark == "_" else f"{mark}00" for mark in text]
    window = window_of(fleet_of(), power_watts=words, step_seconds=step_seconds)
    return float(steady_watts(window)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("6" * 21, 600, id="steady"),
        pytest.param("6" * 12, None, id="too short"),
        pytest.param("1" * 4 + "6" * 17, None, id="a job's start"),
        pytest.param("6" * 17 + "1" * 4, None, id="just gone idle"),
        pytest.param("6" * 10 + "1" * 2 + "6" * 9, 517, id="a checkpoint"),
        pytest.param("6" * 6 + "1" * 9 + "6" * 6, None, id="a long dip"),
        pytest.param("6" * 20 + "_", None, id="absent now"),
        pytest.param("6_" * 10 + "6", 600, id="every other missing"),
        pytest.param("_" * 8 + "6" * 13, None, id="a series that is new"),
        pytest.param("_" * 21, None, id="never read"),
        pytest.param(
            "5656565656" * 2 + "6", 550, id="unsteady samples, steady minutes"
        ),
    ],
)
def test_steady(text: str, expected: float | None) -> None:
    found = watts(text)
    assert np.isnan(found) if expected is None else abs(found - expected) < 20


@pytest.mark.parametrize(("step", "text"), [(30, "6" * 11), (60, "6" * 6)])
def test_slower_polls(step: float, text: str) -> None:
    assert watts(text, step) == 600
    assert np.isnan(watts("1" + text[1:], step))
