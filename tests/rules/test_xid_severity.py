"""How loud an XID is: by its code, its company, its repeats."""

import pytest

from gpuwatch.rules.xid import Xid
from tests.rules.builders import AT, fleet_of, in_turn, window_of
from tests.rules.xid_stories import POLL, poll, tell, told


@pytest.mark.parametrize(
    ("polls", "news"),
    [
        (["", "48 95"], "48C 95I"),
        (["", "64 94"], "64C 94I"),
        (["", "63 95"], "63I 95C"),
        (["", "63 94"], "63I 94W"),
        (["", "48 171 172"], "48C 171I 172I"),
        (["", "171"], "171C"),
        (["", "95"], "95C"),
        (["", "45 48"], "45I 48C"),
        (["", "154 79"], "79C 154I"),
        (["", "154"], "154W"),
        (["", "154 31"], "31I 154W"),
        (["", "162 163"], "162I 163I"),
        (["", "163"], "163W"),
        (["", "48", "95"], "95I"),
        (["", "48", *["48"] * 11, "95"], "95I"),
        (["", "48", *["48"] * 12, "95"], "95C"),
    ],
)
def test_a_code_that_follows_another_leaves_the_word_to_it(
    polls: list[str], news: str
) -> None:
    assert tell(*polls)[-1] == news


@pytest.mark.parametrize(
    ("code", "action", "news"),
    [
        ("61", "0", "61W"),
        ("61", "1", "61C"),
        ("61", "2", "61C"),
        ("61", "3", "61W"),
        ("61", "4", "61C"),
        ("61", "_", "61W"),
        ("63", "1", "63W"),
        ("31", "1", "31W"),
        ("45", "2", "45W"),
        ("79", "2", "79C"),
    ],
)
def test_the_drivers_recovery_action_raises_a_code_but_no_application_code_pages(
    code: str, action: str, news: str
) -> None:
    fired = poll(code, 1, recovery_action=f"{action} 0")
    assert tell("", fired) == ["-", news]


def test_a_recovery_action_that_comes_a_poll_later_raises_it_once() -> None:
    wants = [poll("61", number, recovery_action="1 0") for number in (2, 3)]
    assert tell("", "61", *wants) == ["-", "61W", "61C", "-"]


def test_45_is_a_warning_once_its_burst_is_over_and_it_was_alone() -> None:
    news = tell("", *["45"] * 16)
    assert news[:2] == ["-", "45I"]
    assert news[2:13] == ["-"] * 11
    assert news[13:] == ["45W", "-", "-", "-"]


@pytest.mark.parametrize(
    ("row", "second", "solo"),
    [(0, 5, False), (1, 5, False), (1, 12, False), (2, 5, True), (3, 5, False)],
)
def test_45_is_not_alone_with_another_code_on_its_node_or_job(
    row: int, second: int, solo: bool
) -> None:
    fleet = fleet_of(nodes=2, gpus=2)
    windows = [
        window_of(
            fleet,
            xids=[(0, 45), *([(row, 31)] if second <= number < second + 2 else [])]
            if number
            else [],
            jobs="llm llm _ llm",
            at=AT + number * POLL,
        )
        for number in range(15)
    ]
    news = [told(verdicts) for verdicts in in_turn(Xid, windows)]
    assert ("45W" in news) is solo
    assert "31I" in news


@pytest.mark.parametrize(
    ("code", "jobs", "later", "news"),
    [
        ("31", ("a", "b"), 20, "31W"),
        ("13", ("a", "b"), 20, "13W"),
        ("31", ("a", "a"), 20, "31I"),
        ("31", ("a", "b"), 5, "31I"),
        ("31", ("_", "_"), 20, "31W"),
        ("43", ("a", "b"), 20, "43I"),
        ("31", ("a", "b"), 5761, "31W"),
        ("31", ("a", "b"), 5762, "31I"),
    ],
)
def test_13_and_31_repeating_on_one_gpu_across_jobs(
    code: str, jobs: tuple[str, str], later: int, news: str
) -> None:
    first = poll(code, 1, jobs=f"{jobs[0]} _")
    second = poll(code, later, jobs=f"{jobs[1]} _")
    told_of = tell("", first, poll("", later - 1), second)
    assert told_of == ["-", f"{code}I", "-", news]


def test_a_replaced_code_that_returns_in_another_job_is_a_repeat() -> None:
    first = poll("31", 1, jobs="a _")
    other, same = (poll("31", 20, jobs=f"{job} _") for job in "ba")
    assert tell("", first, poll("45", 2, jobs="a _"), other)[-1] == "31W"
    assert tell("", first, poll("45", 2, jobs="a _"), same)[-1] == "-"


def test_a_code_counted_again_later_does_not_leave_an_earlier_45_alone() -> None:
    polls = ["", "31:1", "31:1 45", *["31:1 45"] * 18, *["31:2 45"] * 10]
    news = tell(*polls)
    assert [entry for entry in news if entry != "-"] == ["31I", "45I", "31W"]
