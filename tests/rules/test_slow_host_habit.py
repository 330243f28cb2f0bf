"""What counts as busy over time, and what is learned of it."""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.rules.slow_host import SlowHost
from tests.rules.builders import AT, fleet_of, in_turn, judge, marks, window_of
from tests.rules.crews import crewed, first
from tests.rules.hosts import ROWS, job


@pytest.mark.parametrize(
    ("readings", "expected", "less_busy"),
    [
        # one stray sample is no starving
        ("100 100 60 100 100", ".", None),
        ("100 100 100 100 60", ".", None),
        # two of the last four are; the one of a minute ago is not looked at
        ("60 60 100 100 60", "F", 20.0),
        ("100 60 60 60 60", "F", 40.0),
        ("100 _ _ _ 60", "F", 40.0),
        # nothing now is nothing, whatever was before
        ("60 60 60 60 _", "?", None),
        ("_ _ _ _ _", "?", None),
    ],
)
def test_the_median_of_the_last_45_seconds(
    readings: str, expected: str, less_busy: float | None
) -> None:
    written = [first(word, "100", ROWS) for word in readings.split()]
    verdicts = judge(SlowHost, job("100", utilization_percent=written))
    assert marks(verdicts)[0] == expected
    if less_busy is not None:
        assert verdicts.evidence["less_busy_percent"][0] == pytest.approx(less_busy)


@pytest.mark.parametrize(
    ("busy", "settled", "seconds"),
    [
        # half the threshold off is learned, more is not
        ("96.1", "1", 255.0),
        ("95.9", "1", 240.0),
        ("80", "1", 240.0),
        ("99", "0", 240.0),
    ],
)
def test_when_the_habit_is_learned(busy: str, settled: str, seconds: float) -> None:
    window = job(first(busy, "100", ROWS), settled=settled)
    kept = {**window.kept, "at": np.full(ROWS, AT - 15)}
    assert (
        judge(SlowHost, replace(window, kept=kept)).keep["busy_seconds"][0] == seconds
    )


def in_order(busy: list[str]) -> str:
    """Marks of row 0 at every reading, 15 s apart, nothing kept at first."""
    windows = [
        crewed(
            window_of(
                fleet_of(nodes=2, gpus=8),
                utilization_percent=first(word, "100", ROWS),
                power_watts="600",
                sm_clock_megahertz="2000",
                at=AT + 15 * step,
            ),
            pace="0.9",
        )
        for step, word in enumerate(busy)
    ]
    return "".join(marks(v)[0] for v in in_turn(SlowHost, windows))


def test_judged_after_four_minutes() -> None:
    assert in_order(["97"] * 17 + ["88"]) == "?" * 17 + "F"
    assert in_order(["97"] * 16 + ["88"]) == "?" * 17


def test_a_starved_gpu_is_not_taken_for_a_restless_one() -> None:
    assert in_order(["100"] * 18 + ["80"] * 60)[18:] == "F" * 60


def test_one_that_wanders_is_never_blamed() -> None:
    wandering = ["100", "85", "100", "75"] * 30
    assert "F" not in in_order(wandering)
