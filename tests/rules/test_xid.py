"""What is news about XIDs, and in which words."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Xids
from gpuwatch.model.verdict import Finding
from gpuwatch.rules.xid import Xid
from tests.rules.builders import AT, finding, fleet_of, in_turn, judge, window_of
from tests.rules.xid_stories import POLL, poll, tell


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
