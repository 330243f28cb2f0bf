"""A GPU beside its peers, and how far off it usually is."""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.company import Company
from gpuwatch.model.peers import Habit, beside, passed_seconds
from gpuwatch.model.window import Window
from tests.rules.builders import AT, column, fleet_of, window_of

SEVEN = Company(np.zeros(7, np.int64), ("4211",))


def off(values: str, among: str = "1") -> float:
    found = beside(SEVEN, column(values, 7), column(among, 7) == 1)
    return float(found.off[0])


@pytest.mark.parametrize(
    ("values", "among", "expected"),
    [
        ("90 100 100 100 100 100 100", "1", -0.1),
        ("110 100 100 100 100 100 100", "1", 0.1),
        # six that are known suffice, five do not
        ("90 100 100 100 100 100 _", "1", -0.1),
        ("90 100 100 100 100 _ _", "1", float("nan")),
        # only those that are meant are peers
        ("90 100 100 100 100 100 5", "1 1 1 1 1 1 0", -0.1),
        ("90 100 100 100 100 100 100", "1 1 1 1 1 0 0", float("nan")),
        # who is not among them may be compared with them
        ("90 100 100 100 100 100 100", "0 1 1 1 1 1 1", -0.1),
        ("_ 100 100 100 100 100 100", "1", float("nan")),
        # nothing can be a share of nothing
        ("5 0 0 0 0 0 0", "1", float("nan")),
    ],
)
def test_beside(values: str, among: str, expected: float) -> None:
    assert off(values, among) == pytest.approx(expected, nan_ok=True)


def test_nobody_is_compared_with_another_group() -> None:
    two = Company(np.array([0] * 6 + [1] * 6), ("a", "b"))
    values = np.array([90.0] + [100.0] * 5 + [45.0] + [50.0] * 5)
    found = beside(two, values, np.ones(12, bool))
    assert found.off[[0, 6]].tolist() == pytest.approx([-0.1, -0.1])
    assert found.usual[[0, 6]].tolist() == [100.0, 50.0]


def one(**kept: float) -> Window:
    window = window_of(fleet_of(gpus=1))
    return replace(window, kept={k: np.array([v]) for k, v in kept.items()})


def learned(
    seen: float, *, trusted: bool = True, passed: float = 15.0, **kept: float
) -> tuple[float, float]:
    """Offset and seconds after one reading."""
    keep = Habit("clock").learn(
        one(**kept), np.array([seen]), np.array([trusted]), np.array([passed])
    )
    return float(keep["clock_offset"][0]), float(keep["clock_seconds"][0])


@pytest.mark.parametrize(
    ("seen", "expected"), [(-0.04, -0.04), (-0.2, -0.06), (0.2, 0.06)]
)
def test_the_first_reading_is_taken_up_to_the_bound(
    seen: float, expected: float
) -> None:
    assert learned(seen, passed=0.0) == (expected, 0.0)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # half an hour's horizon: 15 s move it by a 120th of what is new
        (-0.012, -0.0001),
        (0.012, 0.0001),
        # a stray sample counts as 3 % at most
        (-0.03, -0.00025),
        (-0.9, -0.00025),
        (9.0, 0.00025),
    ],
)
def test_an_old_habit_moves_slowly(seen: float, expected: float) -> None:
    offset, seconds = learned(seen, clock_offset=0.0, clock_seconds=1800.0)
    assert offset == pytest.approx(expected)
    assert seconds == 1815.0


def test_a_young_habit_moves_quickly() -> None:
    offset, _ = learned(-0.02, clock_offset=0.0, clock_seconds=60.0)
    assert offset == pytest.approx(-0.02 * 15 / 60)


@pytest.mark.parametrize(
    ("seen", "trusted"), [(-0.02, False), (float("nan"), True), (float("nan"), False)]
)
def test_nothing_is_learned_of_a_suspect_or_of_nothing(
    seen: float, *, trusted: bool
) -> None:
    kept = {"clock_offset": -0.01, "clock_seconds": 300.0}
    assert learned(seen, trusted=trusted, **kept) == (-0.01, 300.0)


def test_a_habit_never_leaves_its_bound() -> None:
    offset, _ = learned(-0.5, clock_offset=-0.06, clock_seconds=15.0)
    assert offset == -0.06


def test_habits_have_their_own_bounds_and_names() -> None:
    keep = Habit("busy", 0.25).learn(
        one(), np.array([-0.4]), np.array([True]), np.array([0.0])
    )
    assert {name: float(values[0]) for name, values in keep.items()} == {
        "busy_offset": -0.25,
        "busy_seconds": 0.0,
    }


def test_a_row_that_came_later_has_no_habit() -> None:
    window = window_of(fleet_of(gpus=2))
    kept = {"clock_offset": np.array([-0.03]), "clock_seconds": np.array([600.0])}
    offset, seconds = Habit("clock").recall(replace(window, kept=kept))
    assert offset.tolist() == [-0.03, 0.0]
    assert seconds.tolist() == [600.0, 0.0]


@pytest.mark.parametrize(
    ("ago", "expected"),
    [(15.0, 15.0), (90.0, 90.0), (7200.0, 90.0), (-30.0, 0.0), (float("nan"), 0.0)],
)
def test_how_long_ago_it_was_judged(ago: float, expected: float) -> None:
    assert passed_seconds(one(at=AT - ago)).tolist() == [expected]
