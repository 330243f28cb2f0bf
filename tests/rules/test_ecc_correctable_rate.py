import numpy as np
import pytest
from numpy.typing import NDArray

from gpuwatch.rules.ecc_correctable_rate import METRIC, EccCorrectableRate
from tests.rules.builders import (
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)

STEP = 15.0
FULL = 61


def climb(*rates: tuple[int, float]) -> NDArray[np.float64]:
    """A counter from 1000: so many polls at so many errors a second, one GPU."""
    rises = [rate * STEP for polls, rate in rates for _ in range(polls)]
    return 1000.0 + np.concatenate([[0.0], np.cumsum(rises)])[:, None]


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([(60, 0.0)], "."),
        ([(60, 1.0)], "."),
        ([(60, 1.1)], "W"),
        ([(60, 100.0)], "W"),
        ([(60, 101.0)], "C"),
        ([(40, 0.0), (20, 101.0)], "C"),
        ([(40, 0.0), (20, 50.0)], "W"),
        ([(40, 0.0), (20, 11.0)], "W"),
        ([(40, 0.0), (20, 10.0)], "."),
        ([(41, 0.0), (19, 101.0)], "W"),
        ([(43, 0.0), (17, 9.0)], "."),
        ([(46, 0.0), (14, 4000.0)], "."),
        ([(59, 0.0), (1, 1e6)], "."),
        ([(40, 2.0), (20, 0.0)], "."),
        ([(20, 2.0), (20, 0.0), (20, 2.0)], "."),
        ([(20, 101.0)], "C"),
        ([(20, 2.0)], "?"),
        ([(20, 0.5)], "."),
        ([(17, 101.0)], "?"),
        ([(1, 0.0)], "?"),
    ],
)
def test_only_a_rate_that_is_kept_up(
    rates: list[tuple[int, float]], expected: str
) -> None:
    window = window_of(fleet_of(), {METRIC: climb(*rates)}, steps=0)
    assert levels(EccCorrectableRate, judge(EccCorrectableRate, window)) == expected


def test_one_reading_tells_no_rate() -> None:
    window = window_of(fleet_of(), {METRIC: "1000"})
    assert marks(judge(EccCorrectableRate, window)) == "?"


def test_a_counter_that_starts_anew_goes_on_counting() -> None:
    values = climb((60, 2.0))
    values[30:] -= values[30]
    window = window_of(fleet_of(), {METRIC: values})
    assert levels(EccCorrectableRate, judge(EccCorrectableRate, window)) == "W"


def test_gaps_are_bridged_but_the_present_must_be_known() -> None:
    values = climb((60, 2.0))
    values[20:25] = np.nan
    window = window_of(fleet_of(), {METRIC: values})
    assert marks(judge(EccCorrectableRate, window)) == "F"
    values[-1] = np.nan
    window = window_of(fleet_of(), {METRIC: values})
    assert marks(judge(EccCorrectableRate, window)) == "?"


def test_each_gpu_by_itself() -> None:
    values = np.hstack([climb((60, rate)) for rate in (0.0, 2.0, 200.0)])
    values = np.hstack([values, np.full((FULL, 1), np.nan)])
    window = window_of(fleet_of(gpus=4), {METRIC: values})
    assert levels(EccCorrectableRate, judge(EccCorrectableRate, window)) == ".WC?"


def test_thresholds_can_be_set() -> None:
    rule = EccCorrectableRate.configured(
        {"warning_per_second": 10, "critical_per_second": 20}
    )
    for rate, expected in ((10.0, "."), (11.0, "W"), (21.0, "C")):
        window = window_of(fleet_of(), {METRIC: climb((60, rate))})
        assert levels(rule, judge(rule, window)) == expected


@pytest.mark.parametrize(
    ("rate", "summary", "action"),
    [
        (2.5, "2.5 correctable memory errors a second", "Drain the node after"),
        (4647.0, "4 647 correctable memory errors a second", "Move the job away"),
    ],
)
def test_words(rate: float, summary: str, action: str) -> None:
    rule = EccCorrectableRate.configured({})
    window = window_of(fleet_of(), {METRIC: climb((60, rate))})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert words.action.startswith(action)
