"""The lifecycle of ADR 1: its truth table, then its stories."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuwatch.incidents.lifecycle import advance, begin, close
from gpuwatch.model.condition import (
    Change,
    Condition,
    Ending,
    Policy,
    Reading,
    State,
)
from gpuwatch.model.rule import Kind
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Verdict
from tests.incidents.stories import GPU, POLL, live, reading

STATE = Policy(hold_seconds=15, keep_firing_seconds=60)
LOAD = replace(STATE, load_dependent=True)
EVENT = Policy(kind=Kind.EVENT)

# Each row: what was there, one reading, what is there afterwards.
# FIRING T, CLEAR ., UNKNOWN ?, not under load _, gone x.
TRUTH = [
    ("nothing", "T", "P", None),
    ("nothing", ".", " ", None),
    ("nothing", "?", " ", None),
    ("nothing", "_", " ", None),
    ("nothing", "x", " ", None),
    ("pending", "T", "F", Change.FIRED),
    ("pending", ".", "P", None),
    ("pending", "?", "P", None),
    ("pending", "_", "P", None),
    ("pending", "x", " ", Change.DROPPED),
    ("firing", "T", "F", None),
    ("firing", ".", "F", None),
    ("firing", "?", "F", None),
    ("firing", "_", "F", None),
    ("firing", "x", "R", Change.RESOLVED),
    ("clean", "T", "F", None),
    ("clean", ".", "R", Change.RESOLVED),
    ("clean", "?", "F", None),
    ("clean", "_", "F", None),
    ("clean", "x", "R", Change.RESOLVED),
    ("resolved", "T", "P", None),
    ("resolved", ".", "R", None),
    ("resolved", "?", "R", None),
    ("resolved", "_", "R", None),
    ("resolved", "x", " ", None),
    ("reopening", "T", "F", Change.REOPENED),
    ("reopening", ".", "P", None),
    ("reopening", "?", "P", None),
    ("reopening", "_", "P", None),
    ("reopening", "x", "R", None),
]
BEFORE = {
    "nothing": "",
    "pending": "T",
    "firing": "TT",
    "clean": "TT....",
    "resolved": "TT.....",
    "reopening": "TT.....T",
}


@pytest.mark.parametrize(("before", "mark", "face", "change"), TRUTH)
def test_truth_table(before: str, mark: str, face: str, change: Change | None) -> None:
    story = BEFORE[before]
    _, condition, _ = live(story, LOAD)
    faces, _, changes = live(mark, LOAD, condition, start=len(story) + 1)
    assert (faces, changes) == (face, [change] if change else [])


STORIES = [
    ("a fault fires at its second sample and recovers after a clean minute",
     "..TTT.....", "  PFFFFFFR"),
    ("missing data never resolves it", "TT????????????????", "PFFFFFFFFFFFFFFFFF"),
    ("unknown pauses the clean minute", "TT..??...", "PFFFFFFFF"),
    ("and it goes on where it stood", "TT..??....", "PFFFFFFFFR"),
    ("a relapse starts the clean minute anew", "TT....T....", "PFFFFFFFFFF"),
    ("one bad sample is nothing", "T..", "PP "),
    ("two of three fire", "T.T", "PPF"),
    ("the same sample polled twice counts once", "T===T", "PPPPF"),
    ("a clean sample polled twice counts once", "TT.--.-", "PFFFFFF"),
    ("pending and then silent for five minutes is dropped",
     "T" + "?" * 21, "P" * 21 + " "),
    ("idle does not prove recovery", "TT__________", "PFFFFFFFFFFF"),
    ("nor do idle stretches add up", "TT.__._.__.", "PFFFFFFFFFF"),
    ("the next job proves it", "TT____.....", "PFFFFFFFFFR"),
    ("another card in the slot ends it", "TTx", "PFR"),
    ("the same fault within half an hour is the same condition",
     "TT.....TT", "PFFFFFRPF"),
    ("a single blip after recovery reopens nothing", "TT.....T..", "PFFFFFRPPR"),
]  # fmt: skip


@pytest.mark.parametrize(("promise", "story", "faces"), STORIES)
def test_story(promise: str, story: str, faces: str) -> None:
    assert live(story, LOAD)[0] == faces, promise


def test_only_recovery_is_called_recovered() -> None:
    assert _ended("TT.....") is Ending.RECOVERED
    assert _ended("TTx") is Ending.REPLACED


def _ended(story: str) -> Ending | None:
    condition = live(story, LOAD)[1]
    assert condition is not None
    return condition.ending


def test_without_load_dependence_idle_is_clean() -> None:
    assert live("TT_____", STATE)[0] == "PFFFFFR"


def test_hold_counts_time_between_samples_and_not_polls() -> None:
    slow = replace(STATE, hold_seconds=60)
    assert live("TTTTT", slow)[0] == "PPPPF"
    assert live("TT==T", slow)[0] == "PPPPF"


def test_unknown_pauses_hold() -> None:
    assert live("TT???TT", replace(STATE, hold_seconds=45))[0] == "PPPPPPP"
    assert live("TT???TTT", replace(STATE, hold_seconds=45))[0] == "PPPPPPPF"


def test_a_hole_in_the_daemons_own_life_counts_for_nothing() -> None:
    _, firing, _ = live("TT.", STATE)
    assert firing is not None
    after, change = advance(firing, reading(".", 5000), 5000 * POLL, STATE)
    assert change is None
    assert after is not None
    assert after.state is State.FIRING


def test_reopening_ends_half_an_hour_after_recovery() -> None:
    _, resolved, _ = live("TT.....", STATE)
    late = 7 + 1801 // 15 + 1
    faces, condition, _ = live("TT", STATE, resolved, start=late)
    assert faces == "PF"
    assert condition is not None
    assert (condition.reopened, condition.started_at) == (0, late * POLL)


def test_reopened_keeps_its_beginning_and_counts() -> None:
    faces, condition, changes = live("TT.....TT", STATE)
    assert faces[-1] == "F"
    assert condition is not None
    assert (condition.started_at, condition.reopened) == (POLL, 1)
    assert changes == [Change.FIRED, Change.RESOLVED, Change.REOPENED]


def test_worse_is_a_change_and_better_is_not() -> None:
    _, firing, _ = live("TT", STATE)
    worse, change = advance(firing, reading("T", 3, Severity.CRITICAL), 45, STATE)
    assert change is Change.WORSE
    better, change = advance(worse, reading("T", 4, Severity.INFO), 60, STATE)
    assert change is None
    assert better is not None
    assert better.severity is Severity.CRITICAL


def test_a_closed_one_stays_closed_until_it_was_clean_once() -> None:
    _, firing, _ = live("TT", STATE)
    assert firing is not None
    closed, change = close(firing, 45)
    assert change is Change.RESOLVED
    assert live("TTTT", STATE, closed, start=4)[0] == "RRRR"
    assert live("TT.TT", STATE, closed, start=4)[0] == "RR PF"


def _event(poll: int, verdict: Verdict, remedied: float | None = None) -> Reading:
    return Reading(verdict, sampled_at=poll * POLL, remedied_at=remedied)


def test_an_event_fires_at_once_and_does_not_clear_by_itself() -> None:
    fired, change = begin("xid", GPU, _event(1, Verdict.FIRING), 15, EVENT)
    assert change is Change.FIRED
    condition: Condition | None = fired
    for poll in range(2, 200):
        reading_now = _event(poll, Verdict.CLEAR)
        condition, change = advance(condition, reading_now, poll * POLL, EVENT)
        assert change is None
    assert condition is not None
    assert condition.state is State.FIRING


def test_an_event_ends_ten_clean_minutes_after_the_reboot() -> None:
    condition, _ = begin("xid", GPU, _event(1, Verdict.FIRING), 15, EVENT)
    polls = 0
    while condition is not None and condition.state is State.FIRING:
        polls += 1
        at = 4 + polls
        condition, _ = advance(
            condition, _event(at, Verdict.CLEAR, remedied=60.0), at * POLL, EVENT
        )
    assert condition is not None
    assert condition.ending is Ending.RECOVERED
    assert polls == 41


def test_a_reboot_before_the_event_is_no_remedy() -> None:
    condition, _ = begin("xid", GPU, _event(10, Verdict.FIRING), 150, EVENT)
    for poll in range(11, 120):
        reading_now = _event(poll, Verdict.CLEAR, remedied=100.0)
        condition, change = advance(condition, reading_now, poll * POLL, EVENT)
        assert change is None


def test_an_application_xid_expires() -> None:
    policy = replace(EVENT, expire_seconds=1800)
    condition, _ = begin("xid", GPU, _event(1, Verdict.FIRING), 15, policy)
    condition, change = advance(condition, _event(130, Verdict.CLEAR), 1950, policy)
    assert change is Change.RESOLVED
    assert condition is not None
    assert condition.ending is Ending.EXPIRED


def test_a_repeated_event_counts() -> None:
    condition, _ = begin("xid", GPU, _event(1, Verdict.FIRING), 15, EVENT)
    condition, change = advance(condition, _event(9, Verdict.FIRING), 135, EVENT)
    assert change is Change.REFIRED
    assert condition is not None
    assert condition.occurrences == 2


@given(st.text(alphabet="T.?_", max_size=60))
def test_never_resolved_without_a_minute_of_clean_samples_under_load(
    story: str,
) -> None:
    faces = live(story, LOAD)[0]
    if "FR" in faces:
        first = faces.index("FR") + 1
        assert story[: first + 1].count(".") >= 5


@given(st.text(alphabet="?", min_size=1, max_size=40))
def test_unknown_alone_changes_no_firing_condition(story: str) -> None:
    _, firing, _ = live("TT", STATE)
    assert set(live(story, STATE, firing, start=3)[0]) == {"F"}
