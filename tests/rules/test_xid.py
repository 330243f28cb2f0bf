"""Stories of XIDs: one line of codes a poll for one GPU, and what is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Xids
from gpuwatch.model.verdict import Finding, Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.xid import Xid
from tests.rules.builders import AT, finding, fleet_of, in_turn, judge, window_of

POLL = 15.0
LETTER = {Severity.INFO: "I", Severity.WARNING: "W", Severity.CRITICAL: "C"}
Shown = Sequence[tuple[int, int] | tuple[int, int, float]]


def read(text: str, row: int = 0) -> Shown:
    """`79` gauge only, `79:2` counted twice, `0` healthy; several words = several."""
    entries: list[tuple[int, int] | tuple[int, int, float]] = []
    for word in text.split():
        code, _, count = word.partition(":")
        entry = (row, int(code))
        entries.append((*entry, float(count)) if count else entry)
    return entries


def poll(text: str, number: int, fleet: Fleet | None = None, **more: object) -> Window:
    fleet = fleet or fleet_of(gpus=2)
    return window_of(fleet, xids=read(text), at=AT + number * POLL, **more)  # type: ignore[arg-type]


def told(verdicts: Verdicts) -> str:
    """`79C` for news by code and severity, in order; `-` for none."""
    assert verdicts.subjects is not None
    assert verdicts.severity is not None
    news = [
        subject.detail + LETTER[Severity(int(severity))]
        for subject, fires, severity in zip(
            verdicts.subjects, verdicts.firing, verdicts.severity, strict=True
        )
        if fires
    ]
    return " ".join(news) or "-"


def tell(*polls: str | Window) -> list[str]:
    windows = [
        poll(one, number) if isinstance(one, str) else one
        for number, one in enumerate(polls)
    ]
    return [told(verdicts) for verdicts in in_turn(Xid, windows)]


@pytest.mark.parametrize(
    ("polls", "news"),
    [
        (["", "79", "79", "79"], ["-", "79C", "-", "-"]),
        (["0", "79"], ["-", "79C"]),
        (["", "79", "", "79"], ["-", "79C", "-", "79C"]),
        (["", "79", "0", "79"], ["-", "79C", "-", "79C"]),
        (["", "79", "45", "79", "45", "79"], ["-", "79C", "45I", "-", "-", "-"]),
        (["", "79:1", "79:1", "79:2"], ["-", "79C", "-", "79C"]),
        (["", "79:2", "79:1", "79:1"], ["-", "79C", "-", "-"]),
        (["", "79:1", "79", "79:1"], ["-", "79C", "-", "79C"]),
        (["", "79:1", "45", "79:1 45"], ["-", "79C", "45I", "79C"]),
        (["", "79 79:1", "79"], ["-", "79C", "-"]),
        (["", "31:1", "31:5", "31:9"], ["-", "31I", "-", "-"]),
        (["", "999"], ["-", "999W"]),
        (["", "46 61 8"], ["-", "8I 46C 61W"]),
    ],
)
def test_news_is_what_differs_from_memory(polls: list[str], news: list[str]) -> None:
    assert tell(*polls) == news


@pytest.mark.parametrize(
    ("more", "news"),
    [
        ({}, "-"),
        ({"recovery_action": "1 0"}, "79C"),
        ({"recovery_action": "0 1"}, "-"),
        ({"recovery_action": "_ _"}, "-"),
        ({"row_remap_pending": "1 0"}, "79C"),
        ({"sample_age_seconds": "_ 0"}, "79C"),
    ],
)
def test_a_code_standing_at_the_first_look_must_be_borne_out(
    more: Mapping[str, str], news: str
) -> None:
    assert tell(poll("79", 0, None, **more)) == [news]


def test_counted_within_the_exporters_window_is_news_at_the_first_look() -> None:
    assert tell("79:1", "79:1") == ["79C", "-"]
    assert tell("79:0", "79:0") == ["-", "-"]


def test_what_stood_at_the_first_look_is_news_when_it_comes_again() -> None:
    assert tell("79", "79", "45", "79") == ["-", "-", "45I", "79C"]


def test_a_gpu_that_joins_later_has_a_first_look_of_its_own() -> None:
    small, grown = fleet_of(gpus=1), fleet_of(gpus=2)
    second = window_of(grown, xids=[(1, 79)], at=AT + POLL)
    assert tell(poll("", 0, small), second) == ["-", "-"]


def test_an_exporter_without_a_healthy_xid_series_is_looked_at_all_the_same() -> None:
    assert tell(poll("", 0, xids_known="0"), "79") == ["-", "79C"]


def test_a_fatal_code_is_seen_when_it_is_all_that_is_left_of_the_gpu() -> None:
    gone = poll("79", 1, sample_age_seconds="_ 0")
    assert tell("", gone, poll("79", 2, sample_age_seconds="_ 0")) == ["-", "79C", "-"]


def test_nothing_clears_while_the_query_fails() -> None:
    failed = poll("", 2)
    failed = replace(failed, now=replace(failed.now, unread={"xid": "timeout"}))
    assert tell("", "79", failed, "79") == ["-", "79C", "-", "-"]


def test_a_count_that_could_not_be_read_is_not_zero() -> None:
    failed = poll("79", 2)
    failed = replace(failed, now=replace(failed.now, unread={"xid_count": "timeout"}))
    assert tell("", "79:2", failed, "79:2", "79:3") == ["-", "79C", "-", "-", "79C"]


def test_a_dark_exporter_keeps_its_codes() -> None:
    dark = poll("", 2, sample_age_seconds="_", xids_known="0")
    assert tell("", "79", dark, "79") == ["-", "79C", "-", "-"]


def test_after_a_boot_the_same_code_is_a_new_one() -> None:
    dark = poll("", 2, sample_age_seconds="_", xids_known="0")
    up = {"boot_time_seconds": str(AT + 2 * POLL + 5)}
    back = [poll("79", number, node=up) for number in (3, 4)]
    assert tell("", "79", dark, *back) == ["-", "79C", "-", "79C", "-"]


def test_a_code_is_forgotten_after_a_day() -> None:
    later = [poll("45", 5700), poll("79", 5800)]
    assert tell("", "79", "45", *later) == ["-", "79C", "45I", "-", "79C"]


def test_a_retired_gpu_is_never_news() -> None:
    fleet = fleet_of(gpus=2)
    before = poll("", 0, fleet)
    fleet.retire(rows=[0])
    assert tell(before, poll("79", 1, fleet)) == ["-", "-"]
    fleet = fleet_of(gpus=2)
    fleet.retire(nodes=["n0"])
    assert tell(poll("", 0, fleet), poll("79", 1, fleet)) == ["-", "-"]


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


def test_what_is_no_longer_on_show_is_clear_only_on_a_living_gpu() -> None:
    healthy, gone = poll("", 2), poll("", 2, sample_age_seconds="_ 0")
    for window, clear in ((healthy, [True, True]), (gone, [False, True])):
        last = in_turn(Xid, [poll("", 0), poll("79", 1), window])[-1]
        assert isinstance(last.elsewhere, np.ndarray)
        assert last.elsewhere.tolist() == clear


def test_still_on_show_is_clear_not_firing() -> None:
    last = in_turn(Xid, [poll("", 0), poll("79", 1), poll("79", 2)])[-1]
    assert last.subjects is not None
    assert [subject.detail for subject in last.subjects] == ["79", ""]
    assert last.firing.tolist() == [False, False]
    assert last.known.tolist() == [True, True]


def test_the_cluster_bears_witness_that_xids_are_watched() -> None:
    watched = judge(Xid, poll("", 0))
    assert (watched.firing.tolist(), watched.known.tolist()) == ([False], [True])
    assert watched.subjects is not None
    assert watched.subjects[0].key == "train|||||"
    unwatched = judge(Xid, poll("", 0, xids_known="0"))
    assert unwatched.known.tolist() == [False]


def test_evidence_and_words() -> None:
    rule = Xid.configured({})
    fired = poll("79:2", 1, recovery_action="2 0")
    verdicts = in_turn(rule, [poll("", 0), fired])[-1]
    found = finding(rule, verdicts, fired)
    assert found.subject.uuid == "GPU-0-0"
    assert found.evidence == {"xid": 79.0, "count": 2.0, "recovery_action": 2.0}
    words = rule.explain(found)
    assert words.summary == "XID 79: GPU has fallen off the bus"
    assert words.action.startswith("The driver asks for a reboot of the node. Drain")


@pytest.mark.parametrize(
    ("polls", "start"),
    [
        (["", "48 95"], "It follows another XID on this GPU: see that one. Drain"),
        (["", *["45"] * 13], "No other XID came with it. Follow"),
        (["", "61"], "Read the kernel log"),
    ],
)
def test_words_say_why_a_code_is_louder_or_quieter(
    polls: list[str], start: str
) -> None:
    rule = Xid.configured({})
    windows = [poll(text, number) for number, text in enumerate(polls)]
    verdicts = in_turn(rule, windows)[-1]
    last = int(np.flatnonzero(verdicts.firing)[-1])
    assert rule.explain(finding(rule, verdicts, windows[-1], last)).action.startswith(
        start
    )


@pytest.mark.parametrize("code", range(200))
def test_summaries_are_short(code: int) -> None:
    subject = fleet_of().subject(0)
    found = Finding(subject, Severity.WARNING, {"xid": float(code)})
    summary = Xid.configured({}).explain(found).summary
    assert len(summary.split()) <= 8
    assert summary.startswith(f"XID {code}: ")


def test_only_changed_columns_are_kept() -> None:
    verdicts = in_turn(Xid, [poll("", 0), poll("79", 1), poll("79", 2)])
    assert set(verdicts[1].keep) == {"seen", "at:79", "count:79", "level:79"}
    assert set(verdicts[2].keep) == {"seen"}


def test_codes_of_unknown_rows_are_left_out() -> None:
    window = poll("", 1)
    strange = Xids(np.array([7, 0]), np.array([79, 0]), np.array([np.nan, np.nan]))
    window = replace(window, now=replace(window.now, xids=strange))
    assert tell("", window) == ["-", "-"]


def test_a_code_counted_again_later_does_not_leave_an_earlier_45_alone() -> None:
    polls = ["", "31:1", "31:1 45", *["31:1 45"] * 18, *["31:2 45"] * 10]
    news = tell(*polls)
    assert [entry for entry in news if entry != "-"] == ["31I", "45I", "31W"]
