"""Correctable memory errors that grow from day to day."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest

from gpuwatch.model.verdict import Verdicts
from gpuwatch.rules.ecc_trend import EccTrend
from tests.rules.builders import finding, fleet_of, levels, marks, window_of
from tests.rules.warm_site import Memory

MIDNIGHT = 1_700_006_400.0
DAY = 86_400.0
PER_DAY = 144  # looks, one every 10 minutes
FLEET = fleet_of(gpus=2)


def test_the_story_begins_at_midnight() -> None:
    assert MIDNIGHT % DAY == 0


def counts(per_day: Sequence[float], start: float = 0.0) -> Iterator[float]:
    """The counter at every look, its errors spread over each day."""
    total = start
    for errors in per_day:
        for _ in range(PER_DAY):
            yield total
            total += errors / PER_DAY
    yield total


def run(
    counter: Iterator[float] | Sequence[float],
    memory: Memory | None = None,
    begin: float = MIDNIGHT,
    **params: object,
) -> list[Verdicts]:
    """Two GPUs, the first of which counts; the other has seven errors for ever."""
    rule = memory or Memory(EccTrend.configured(params))
    told = []
    for number, value in enumerate(counter):
        now = window_of(
            FLEET,
            ecc_correctable_volatile=np.array([value, 7.0]),
            at=begin + number * DAY / PER_DAY,
        )
        told.append(rule.judge(now))
    return told


@pytest.mark.parametrize(
    ("per_day", "mark"),
    [
        ([100, 200, 400], "F"),
        ([50, 100, 160], "F"),
        # the last day is not enough more, or none of it is many
        ([100, 200, 250], "."),
        ([100, 120, 400], "."),
        ([10, 30, 90], "."),
        ([0, 0, 500], "."),
        ([400, 400, 400], "."),
        ([400, 200, 100], "."),
        ([0, 0, 0], "."),
        ([100, 200], "?"),
    ],
)
def test_three_days_that_grow(per_day: list[float], mark: str) -> None:
    assert marks(run(counts(per_day))[-1])[0] == mark
    assert marks(run(counts(per_day))[-1])[1] == ("?" if mark == "?" else ".")


def test_nothing_is_said_before_the_day_is_over() -> None:
    told = run(counts([100, 200, 400]))
    assert {marks(v)[0] for v in told[:-1]} == {"?"}


def test_a_standing_count_at_first_sight_is_no_days_work() -> None:
    assert marks(run(counts([10, 20, 40], start=90_000))[-1])[0] == "."


def test_a_driver_reset_counts_from_zero() -> None:
    story = list(counts([100, 200, 400]))
    reset = [v if n < 200 else v - story[200] for n, v in enumerate(story)]
    assert marks(run(reset)[-1])[0] == "F"


def test_a_restart_loses_nothing() -> None:
    story = list(counts([100, 200, 400]))
    first = Memory(EccTrend.configured({}))
    run(story[:250], first)
    later = Memory(EccTrend.configured({}), dict(first.kept))
    told = run(story[253:], later, MIDNIGHT + 253 * DAY / PER_DAY)
    assert marks(told[-1])[0] == "F"


def test_a_day_seen_by_half_is_no_day() -> None:
    story = list(counts([100, 200, 400]))
    first = Memory(EccTrend.configured({}))
    run(story[:160], first)
    told = run(story[240:], first, MIDNIGHT + 240 * DAY / PER_DAY)
    assert marks(told[-1]) == "??"


def test_a_gap_of_weeks_leaves_no_old_days() -> None:
    memory = Memory(EccTrend.configured({}))
    run(counts([100, 200, 400]), memory)
    assert marks(run(counts([0]), memory, MIDNIGHT + 30 * DAY)[-1]) == "??"


def test_an_absent_counter_is_unknown() -> None:
    memory = Memory(EccTrend.configured({}))
    run(counts([100, 200, 400]), memory)
    gone = window_of(
        FLEET,
        ecc_correctable_volatile="0 0",
        sample_age_seconds="_ 0",
        at=MIDNIGHT + 3 * DAY + 900,
    )
    assert marks(memory.judge(gone)) == "?."


def test_it_ends_with_a_day_that_has_no_more() -> None:
    growing = [100.0, 200.0, 400.0, 420.0]
    assert marks(run(counts(growing))[-1])[0] == "F"
    assert marks(run(counts([*growing, 300.0]))[-1])[0] == "."


@pytest.mark.parametrize(
    ("per_day", "level", "days"),
    [
        # doubling: 400 reach 86,400 in 7.8 days, 20,000 in 2.1
        ([100, 200, 400], "I", 7.75),
        ([5000, 10_000, 20_000], "W", 2.11),
        ([50_000, 100_000, 200_000], "W", 0.0),
    ],
)
def test_the_alarming_rate_within_three_days_is_a_warning(
    per_day: list[float], level: str, days: float
) -> None:
    last = run(counts(per_day))[-1]
    assert levels(EccTrend, last)[0] == level
    left = last.evidence["days_to_alarm_rate"][0]
    assert left == pytest.approx(days, abs=0.01)
    assert last.evidence["errors_on_last_day"][0] == pytest.approx(per_day[-1])


def test_says_how_many_and_when() -> None:
    last = run(counts([1000, 2000, 4000]))[-1]
    words = EccTrend.configured({}).explain(
        finding(EccTrend, last, window_of(FLEET), 0)
    )
    assert words.summary == "Correctable errors grow daily, 4 000 a day"
    assert words.action.endswith("; an alarming rate is 4 d 10 h away.")


def judged_at(offset: float) -> Callable[[Memory], Verdicts]:
    """A look some seconds after the third midnight."""
    return lambda memory: memory.judge(
        window_of(
            FLEET,
            ecc_correctable_volatile=np.array([700.0, 7.0]),
            at=MIDNIGHT + 3 * DAY + offset,
        )
    )


def test_in_between_it_repeats_itself_and_keeps_nothing() -> None:
    memory = Memory(EccTrend.configured({}))
    run(counts([100, 200, 400]), memory)
    again = judged_at(15)(memory)
    assert (marks(again), again.keep) == ("F.", {})
    assert again.evidence["growth_a_day"][0] == pytest.approx(2.0)
