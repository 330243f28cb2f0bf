"""Memory that goes on replacing rows."""

import numpy as np
import pytest

from gpuwatch.model.verdict import Verdicts
from gpuwatch.rules.remap_trend import RemapTrend
from tests.rules.builders import AT, finding, fleet_of, levels, marks, window_of
from tests.rules.warm_site import Memory

DAY = 86_400.0
FLEET = fleet_of(gpus=2)
Story = list[tuple[float, float]]


def look(memory: Memory, day: float, rows: float | str, **other: str) -> Verdicts:
    """The first GPU has so many rows remapped, the other three for ever."""
    return memory.judge(
        window_of(
            FLEET,
            {"rows_remapped_uncorrectable": f"{rows} 3", **other},
            at=AT + day * DAY,
        )
    )


def run(story: Story, **params: object) -> list[Verdicts]:
    memory = Memory(RemapTrend.configured(params))
    return [look(memory, day, rows) for day, rows in story]


@pytest.mark.parametrize(
    ("story", "mark"),
    [
        ([(0, 0), (1, 1), (4, 2), (9, 3)], "F"),
        ([(0, 40), (1, 41), (4, 42), (9, 43)], "F"),
        # two days, or one bad day, are no trend
        ([(0, 0), (1, 1), (4, 2)], "."),
        ([(0, 0), (1, 1), (1.01, 4), (1.02, 9), (1.03, 12)], "."),
        # what is there at first sight tells no time
        ([(0, 300), (20, 300)], "."),
        # too far apart
        ([(0, 0), (1, 1), (20, 2), (40, 3)], "."),
        # over after two quiet weeks
        ([(0, 0), (1, 1), (4, 2), (9, 3), (22.9, 3)], "F"),
        ([(0, 0), (1, 1), (4, 2), (9, 3), (23.1, 3)], "."),
    ],
)
def test_three_days_with_a_remap(story: Story, mark: str) -> None:
    assert marks(run(story)[-1]) == f"{mark}."


def test_a_gap_in_the_readings_is_no_remap() -> None:
    memory = Memory(RemapTrend.configured({}))
    for day in range(8):
        look(memory, day, 20)
        # a sparse answer that was filled with zero, and comes back
        look(memory, day + 0.3, 0)
        assert marks(look(memory, day + 0.6, "_"))[0] == "?"
    assert marks(look(memory, 9, 20)) == ".."


def test_a_restart_loses_nothing() -> None:
    first = Memory(RemapTrend.configured({}))
    for day, rows in [(0, 0), (1, 1), (4, 2)]:
        look(first, day, rows)
    later = Memory(RemapTrend.configured({}), dict(first.kept))
    assert marks(look(later, 9, 3)) == "F."


def test_rows_remapped_for_correctable_errors_count_too() -> None:
    memory = Memory(RemapTrend.configured({}))
    for day, rows in [(0, 0), (1, 1), (4, 2), (9, 3)]:
        told = look(memory, day, 0, rows_remapped_correctable=f"{rows} 0")
    assert marks(told) == "F."
    assert told.evidence["rows_remapped"][0] == 3


@pytest.mark.parametrize(
    ("story", "level", "days"),
    [
        # two rows in eight days: far away
        ([(0, 0), (1, 1), (4, 2), (9, 3)], "I", 2036.0),
        # 40 a day, of 512
        ([(0, 0), (1, 40), (2, 80), (3, 120)], "W", 9.8),
        ([(0, 400), (1, 440), (2, 480), (3, 600)], "W", 0.0),
    ],
)
def test_used_up_within_a_month_is_a_warning(
    story: Story, level: str, days: float
) -> None:
    last = run(story)[-1]
    assert levels(RemapTrend, last)[0] == level
    left = last.evidence["days_to_last_row"][0]
    assert np.nan_to_num(left) == pytest.approx(days, abs=0.05)


def test_banks_without_spare_rows_are_a_warning() -> None:
    memory = Memory(RemapTrend.configured({}))
    for day, banks in [(0, 0), (1, 1), (4, 2), (9, 3)]:
        told = look(memory, day, 5, banks_without_spare_rows=f"{banks} 0")
    assert levels(RemapTrend, told) == "W."


def test_says_how_many_are_left() -> None:
    last = run([(0, 0), (1, 40), (2, 80), (3, 120)])[-1]
    words = RemapTrend.configured({}).explain(
        finding(RemapTrend, last, window_of(FLEET), 0)
    )
    assert words.summary == "Memory keeps remapping rows, 120 of 512"
    assert words.action.endswith("; at this pace the last is used in 9 d 19 h.")
