"""The page: what it says, what it admits, and that it needs and runs nothing."""

import re
from collections.abc import Mapping

import numpy as np
import pytest

from gpuwatch.backtest.chart import QUANTITIES, Chart, Panel
from gpuwatch.backtest.charts import of_incidents
from gpuwatch.backtest.compare import compare
from gpuwatch.backtest.outcome import Outcome, Traffic
from gpuwatch.backtest.report import html_report
from gpuwatch.engine.engine import Coverage
from gpuwatch.model.condition import Ending
from gpuwatch.model.incident import Event, EventKind, Member
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.ports import Plan
from tests.backtest.page import Page
from tests.backtest.past import HOUR, T0, incident, outcome, readings, small_fleet
from tests.backtest.taped import Taped

LONG = "z" * 10_000
HOSTILE = f"<script>alert('x')</script>\"><img src=x onerror=y>&\x00\u202e{LONG}"
SEEING = Coverage(known={"straggler": 12, "xid": 12})


def page(*outcomes: Outcome, charts: Mapping[str, Chart] | None = None) -> Page:
    return Page(html_report(outcomes, charts or {}))


def charted(found: Outcome) -> Mapping[str, Chart]:
    source = Taped(readings(small_fleet(), -HOUR, 6 * HOUR))
    return of_incidents(source, Plan(), small_fleet(), found)


def test_nothing_found_says_so_and_that_all_could_be_seen() -> None:
    words = page(outcome(coverage=SEEING)).words
    assert "Nothing would have been told." in words
    assert "Each of the 2 rules had its metrics." in words
    assert "every rule had its metrics and judged somebody" in words
    assert "12 GPUs on 3 nodes, judged every 15 s for 6 h" in words


def test_nothing_found_without_eyes_is_no_good_news() -> None:
    blind = Coverage(
        missing={"thermal_slowdown": ("throttle_reasons",)},
        failed={"xid": "ValueError: 7"},
        known={"thermal_slowdown": 0, "straggler": 12, "job_hung": 0, "xid": 12},
    )
    words = page(outcome(coverage=blind, unread={"energy_joules": "HTTP 422"})).words
    assert "1 of 4 rules saw nothing" in words
    assert "thermal slowdown add the line DCGM_FI_DEV_CLOCKS_EVENT_REASONS," in words
    assert "or too short a past): job hung." in words
    assert "xid ValueError: 7" in words
    assert "energy_joules HTTP 422" in words
    assert "every rule had its metrics" not in words


def test_a_run_in_which_nobody_judged_says_so() -> None:
    words = page(outcome()).words
    assert "Nothing could have been: no rule judged anybody." in words
    assert "Anything: no rule judged anybody." in words


def test_an_incident_and_its_story() -> None:
    one = incident(
        "one",
        HOUR,
        evidence={"sm_clock_megahertz": 1350.0},
        peers={"sm_clock_megahertz": 1680.0},
        victims=94,
        job="4211",
    )
    story = (
        Event("one", T0 + HOUR + 30, EventKind.OPENED, "Opened: 20 % below"),
        Event("other", T0, EventKind.OPENED, "not mine"),
    )
    said = {"one": Traffic(posts=1, edits=3, notes=2, broadcasts=1, pages=1)}
    words = page(outcome(one, events=story, traffic=said, coverage=SEEING)).words
    assert "1 incident (1 critical), 3 messages, 1 page (4 a day)." in words
    assert "below its peers node-01 GPU 1 10 min 94 GPUs wait began" in words
    assert "began 28 May 22:00:00 · told after 30 s · ended 28 May 22:10:00" in words
    assert "1 message, 2 in its thread, 3 edits, 1 page · rule straggler" in words
    assert "SM clock 1 350 MHz (peers 1 680 MHz)" in words
    assert "Do: Drain the node." in words
    assert "Story: 1 event 28 May 22:00:30 opened Opened: 20 % below" in words
    assert "not mine" not in words


def test_a_chart_stands_in_its_incident() -> None:
    found = outcome(incident("one", HOUR), incident("blind", 0, members=()))
    seen = page(found, charts=charted(found))
    assert seen.tags.count("svg") == 3
    assert (
        "node-01 GPU 1, beside 11 busy NVIDIA H100 80GB HBM3; a reading every 15 s"
        in seen.words
    )
    assert seen.words.count("No chart: it is about no GPU.") == 1
    assert "only the worst incidents have one" not in seen.words


def test_the_worst_come_first() -> None:
    found = outcome(
        incident("mild", 0, severity=Severity.INFO),
        incident("taken", 10, merged_into="bad", ending=Ending.ABSORBED),
        incident("bad", 20),
        incident("middling", 5, severity=Severity.WARNING),
    )
    seen = page(found)
    names = re.findall(r"(mild|taken|bad|middling): SM clock", seen.words)
    assert names[-4:] == ["bad", "middling", "mild", "taken"]
    assert "3 incidents (1 critical, 1 warning, 1 info)" in seen.words
    assert seen.classes("tr") == ["critical", "warning", "info", "critical absorbed"]


def test_the_table_can_be_narrowed_to_what_is_in_it() -> None:
    found = outcome(incident("a", -100), incident("b", 10, severity=Severity.INFO))
    seen = page(found)
    assert seen.classes("input") == ["pick critical", "pick info", "pick arrival"]
    assert page(outcome(incident("a", 60))).classes("input") == []


def test_every_link_leads_somewhere_and_no_id_comes_twice() -> None:
    many = [incident(f"i{n}", 60 * n, 90) for n in range(230)]
    other = outcome(incident("elsewhere", 0), cluster="other")
    seen = page(outcome(*many), other, charts=charted(outcome(*many)))
    ids = seen.values("id")
    assert len(ids) == len(set(ids))
    links = set(seen.values("href")) | {f"#{i}" for i in seen.values("for")}
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert len(links) > 200
    named = {i for v in seen.values("aria-labelledby") for i in v.split()}
    assert named <= set(ids)


def test_the_timeline_shows_when_and_where() -> None:
    found = outcome(
        incident("short", 3 * HOUR, 60),
        incident("long", 3 * HOUR, None, unknown_since=T0 + 4.5 * HOUR),
        incident("old", -HOUR, 2 * HOUR, (Member("node-02", 0, "GPU-2-0"),)),
        incident("job", 0, members=(), scope=Scope.JOB, job="4211"),
    )
    seen = page(found)
    bars = [
        (style, kind)
        for style, kind in zip(
            [v for t, n, v in seen.attributes if (t, n) == ("a", "style")],
            [kind for kind in seen.classes("a") if kind.startswith("bar")],
            strict=True,
        )
    ]
    assert sorted(bars) == [
        ("left:0.00%;width:16.67%;top:0px", "bar critical arrival"),
        ("left:0.00%;width:2.78%;top:0px", "bar critical"),
        ("left:50.00%;width:0.60%;top:17px", "bar critical"),
        ("left:50.00%;width:50.00%;top:0px", "bar critical"),
    ]
    assert ("i", "style", "left:50.0%") in seen.attributes
    assert "job 4211 node-01 node-02" in seen.words


def test_hostile_labels_stay_text() -> None:
    node = Member(HOSTILE, 1, HOSTILE)
    one = incident("one", HOUR, 600, (node,), summary=HOSTILE, action=HOSTILE)
    found = outcome(
        one,
        cluster=HOSTILE,
        events=(Event("one", T0, EventKind.CLOSED, HOSTILE, HOSTILE),),
        coverage=Coverage({HOSTILE: (HOSTILE,)}, {HOSTILE: HOSTILE}, {HOSTILE: 0}),
        unread={HOSTILE: HOSTILE},
    )
    line = np.array([1500.0, 1400.0])
    panels = (Panel(QUANTITIES[0], line[None], line, line, line),)
    times = np.array([T0 + HOUR, T0 + HOUR + 15])
    chart = Chart("one", times, 15.0, panels, (HOSTILE,), 0, HOSTILE, T0, T0)
    told = compare(found, found, (HOSTILE, HOSTILE))
    text = html_report([found], {"one": chart}, [told])
    seen = Page(text)
    assert not {"script", "img"} & set(seen.tags)
    assert {n for _, n, _ in seen.attributes if n.startswith("on")} == set()
    assert "<script>alert('x')" in seen.words
    assert "\x00" not in text
    assert "\u202e" not in text
    assert len(text) < 150_000


def test_a_lone_surrogate_in_a_label_can_still_be_written() -> None:
    text = html_report([outcome(incident("one", 0, summary="bad \udcff name"))], {})
    assert "bad \ufffd name" in text
    text.encode()


def test_it_needs_nothing_from_outside_and_runs_nothing() -> None:
    found = outcome(incident("one", HOUR))
    text = html_report([found], charted(found), [compare(found, found)])
    seen = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(seen.tags)
    assert [v for v in seen.values("href") if not v.startswith("#")] == []
    assert seen.values("src") == []
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'; style-src 'unsafe-inline'" in seen.values("content")


def test_two_thousand_incidents_stay_readable() -> None:
    many = [
        incident(f"i{n}", 10 * n, 300, (Member(f"node-{n % 300:03}", 0, f"GPU-{n}"),))
        for n in range(2000)
    ]
    events = tuple(
        Event("i0", T0 + n, EventKind.WORSE, f"worse {n}") for n in range(1000)
    )
    found = outcome(*many, events=events)
    text = html_report([found], {})
    seen = Page(text)
    assert "The 200 worst of 2000 incidents; the table lists the rest." in seen.words
    assert seen.tags.count("article") == 200
    assert len(seen.classes("tr")) == 2000
    assert "incidents not drawn here, for there are too many places" in seen.words
    assert "worse 99" in seen.words
    assert "worse 100" not in seen.words
    assert "and 900 more" in seen.words
    assert len(text) < 2_500_000


@pytest.mark.parametrize("lasted", [0.0, -5.0])
def test_times_that_make_no_sense_do_not_break_it(lasted: float) -> None:
    found = outcome(incident("odd", 7 * HOUR, lasted))
    assert "odd: SM clock" in page(found, charts=charted(found)).words


def test_a_comparison_stands_above() -> None:
    both, told_later = incident("both", HOUR), incident("late", HOUR + 45)
    a = outcome(both, incident("gone", 3 * HOUR))
    b = outcome(told_later)
    text = html_report([a], {}, [compare(a, b, ("now.yaml", "calm <b>.yaml"))])
    words = Page(text).words
    assert "What people would have had now.yaml calm <b>.yaml incidents 2 1" in words
    assert "pages per day 8 4" in words
    assert "Only now.yaml tells Severity" in words
    assert "told 45 s later; ends 45 s later" in words
    assert "0 incidents told by both in the same way." in words
