"""The words on a card: the job, what it costs, how long is left, what is shared."""

from dataclasses import replace

import pytest

from gpuwatch.incidents.evidence import told_evidence
from gpuwatch.incidents.plight import say_job, told_plight
from gpuwatch.incidents.wording import Links, card, headline, note
from gpuwatch.model.condition import State
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.message import Reason
from gpuwatch.model.severity import Category, Scope, Severity
from tests.incidents.causes import WARNING, Site

GPU = Incident(
    id="gw-1",
    cluster="c",
    lead="thermal_slowdown",
    category=Category.THERMAL,
    state=State.FIRING,
    severity=Severity.CRITICAL,
    scope=Scope.GPU,
    started_at=1000.0,
    detected_at=1030.0,
    updated_at=1030.0,
    members=(Member("node-17", 3, "GPU-17-3"),),
    nodes=("node-17",),
    job="4211",
    victims=383,
    summary="HW thermal slowdown at 92 °C",
)
SLOW = {"job_pace_percent": 62.0, "job_slow_seconds": 420.0, "lost_gpu_hours": 41.4}


def test_the_story_it_exists_for() -> None:
    told = card(replace(GPU, evidence=SLOW), 1420.0, Links())
    assert told.headline == (
        "CRITICAL: HW thermal slowdown at 92 °C · node-17 GPU 3 · 7 min"
    )
    assert told.lines == (
        "Job 4211 at 62 % for 7 min, waiting for node-17 GPU 3; 41 GPU-hours lost",
    )
    assert ("Job", "4211, 383 GPUs wait") in told.facts
    assert len(told.facts) == 2


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        ({}, ""),
        ({"job_pace_percent": 62.0}, ""),
        ({"job_slow_seconds": 420.0}, "Job 4211 is held up for 7 min"),
        (
            {**SLOW, "lost_gpu_hours": 0.42, "lost_gpu_hours_is_estimate": 1.0},
            "Job 4211 at 62 % for 7 min; 0.4 GPU-hours lost (estimated)",
        ),
    ],
)
def test_the_jobs_line(evidence: dict[str, float], text: str) -> None:
    assert told_plight("4211", evidence, "") == text


def test_a_job_of_no_name_has_no_line() -> None:
    assert told_plight("", SLOW, "n1") == ""


def test_an_inferred_job_is_said_to_be_one() -> None:
    assert say_job("(inferred) node-01") == "the job on node-01 (inferred)"
    slow = replace(GPU, members=(), nodes=(), scope=Scope.JOB, job="(inferred) n1")
    assert "· the job on n1 (inferred) ·" in headline(slow, 1400.0)
    assert ("Job", "on n1 (inferred), 383 GPUs wait") in card(slow, 1, Links()).facts


def test_a_resolved_card_waits_for_nobody() -> None:
    over = replace(GPU, state=State.RESOLVED, resolved_at=2000.0, evidence=SLOW)
    (line,) = card(over, 2000.0, Links()).lines
    assert line == "Job 4211 at 62 % for 7 min; 41 GPU-hours lost"


def test_the_cause_of_a_told_job_is_noted_under_it() -> None:
    assert note(GPU, Reason.CAUSE, 1420.0) == (
        "Cause found: CRITICAL: HW thermal slowdown at 92 °C · node-17 GPU 3 · 7 min"
    )


@pytest.mark.parametrize(
    ("name", "value", "label", "text"),
    [
        ("hours_to_limit", 7.5, "Time left to limit", "7 h 30 min"),
        ("days_to_last_row", 12.0, "Time left to last row", "12 d"),
        ("celsius_per_hour", 1.25, "Rising by", "1.25 °C an hour"),
        ("clock_lost_percent", 15.0, "Clock below its peers", "15 %"),
        ("growth_a_day", 3.0, "Growth a day", "3"),
        ("sm_clock_megahertz", 1410.0, "SM clock", "1 410 MHz"),
    ],
)
def test_evidence_reads_well(name: str, value: float, label: str, text: str) -> None:
    assert list(told_evidence({name: value}, {})) == [(label, text)]


# What a site says of a job that lost its pace, through the whole engine.
HOURS_PER_POLL = 64 * 15 / 3600


def test_what_is_lost_is_estimated_where_nobody_measured_it() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3))
    site.say("slow", site.job("J"), WARNING, job_pace_percent=50.0)
    site.poll(5)
    (one,) = site.open
    assert one.evidence["lost_gpu_hours"] == pytest.approx(4 * HOURS_PER_POLL / 2)
    assert one.evidence["lost_gpu_hours_is_estimate"] == 1.0
    assert one.evidence["job_slow_seconds"] == 60.0


def test_what_was_measured_is_told_as_such() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3))
    site.say("slow", site.job("J"), WARNING, job_pace_percent=50.0)
    site.say("drop", site.job("J"), WARNING, lost_percent=38.0, lost_gpu_hours=41.0)
    site.poll(5)
    (one,) = site.open
    assert one.evidence == {
        "job_pace_percent": 62.0,
        "lost_gpu_hours": 41.0,
        "job_slow_seconds": 60.0,
    }
    assert (one.lead, one.rules) == ("late", ("late", "drop", "slow"))


def test_the_jobs_line_comes_as_soon_as_it_is_known_and_disturbs_nobody() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3))
    site.poll(3)
    site.say("slow", site.job("J"), WARNING, job_pace_percent=62.0)
    (message,) = site.poll(1)
    assert (message.kind.value, message.reason.value) == ("card", "update")
    assert message.card is not None
    assert message.card.lines[0].startswith("Job J at 62 % for 0 s, waiting for n2")
