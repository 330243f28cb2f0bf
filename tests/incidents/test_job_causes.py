"""A job, its culprits and those who wait: whose incident it is, and how it ends."""

import pytest

from gpuwatch.model.condition import Ending
from gpuwatch.model.severity import Severity
from tests.incidents.causes import CRITICAL, WARNING, Late, Site


def test_victims_are_none_of_the_culprits() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3))
    site.poll(2)
    assert [i.victims for i in site.open] == [63]
    site.say("brake", site.node(5))
    site.poll(2)
    assert [i.victims for i in site.open] == [55, 55]
    site.unsay("brake", site.node(5))
    site.poll(8)
    assert [i.victims for i in site.open] == [63]


def test_a_waiting_gpu_is_no_culprit_of_its_own() -> None:
    site = Site()
    site.say("heat", site.gpu(2, 3))
    site.poll(2)
    for node in (4, 5, 6):
        site.say("late", site.gpu(node, 1), WARNING, starved=1.0)
    site.poll(2)
    (one,) = site.open
    assert (one.lead, one.nodes, len(one.members)) == ("heat", ("n2",), 1)
    assert one.victims == 63


@pytest.mark.parametrize(
    ("severity", "starved", "before_polls", "count"),
    [
        pytest.param(WARNING, 1.0, 2, 1, id="weaker, after: it waits"),
        pytest.param(WARNING, 0.0, 2, 2, id="its own evidence: a culprit"),
        pytest.param(WARNING, 1.0, -30, 2, id="was starved long before"),
        pytest.param(WARNING, 1.0, 130, 2, id="half an hour later: another cause"),
    ],
)
def test_who_suffers(
    severity: Severity, starved: float, before_polls: int, count: int
) -> None:
    site = Site()
    if before_polls < 0:
        site.say("late", site.gpu(4, 1), severity, starved=starved)
        site.poll(-before_polls)
    site.say("heat", site.gpu(2, 3), WARNING)
    site.poll(max(before_polls, 2))
    site.say("late", site.gpu(4, 1), severity, starved=starved)
    site.poll(3)
    assert len(site.open) == count


def test_a_waiting_gpu_that_led_hands_its_card_to_the_culprit() -> None:
    site = Site()
    site.say("late", site.gpu(4, 1), WARNING, starved=1.0)
    site.poll(2)
    first = site.open[0].id
    site.say("late", site.gpu(2, 3), CRITICAL)
    site.poll(2)
    (one,) = site.open
    assert (one.id, one.nodes) == (first, ("n2",))


def test_a_lost_gpu_still_belongs_to_its_job() -> None:
    site = Site()
    site.poll()
    site.lost.add(8 + 3)
    site.say("gone", site.gpu(2, 3))
    site.poll(2)
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    (one,) = site.open
    assert (one.lead, one.job, one.victims) == ("gone", "J", 63)


def test_a_restart_does_not_forget_whose_job_it_was() -> None:
    site = Site()
    site.lost.add(8 + 3)
    site.say("gone", site.gpu(2, 3))
    site.poll(2)
    said = site.rules["gone"].says
    site.begin([type(rule) for rule in site.rules.values()])
    site.rules["gone"].says = said
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    assert [i.lead for i in site.open] == ["gone"]


def test_an_old_fault_explains_no_new_fall_of_the_job() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3), WARNING)
    site.poll(130)
    site.say("slow", site.job("J"), CRITICAL)
    site.poll(2)
    assert [i.lead for i in site.open] == ["late", "slow"]


def test_the_worst_of_two_culprits_bears_the_job() -> None:
    site = Site()
    site.say("late", site.gpu(2, 3), WARNING)
    site.poll(2)
    site.say("heat", site.gpu(5, 1))
    site.poll(2)
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    late, heat = site.open
    assert (late.rules, heat.rules) == (("late",), ("heat", "slow"))


def test_the_job_recovers_a_little_later_and_nothing_is_said() -> None:
    site = Site()
    site.say("heat", site.gpu(2, 3))
    site.say("slow", site.job("J"), WARNING)
    site.poll(10)
    site.unsay("heat", site.gpu(2, 3))
    site.poll(3)
    assert [i.members[0].gpu for i in site.open] == [3]
    site.unsay("slow", site.job("J"))
    site.poll(2)
    (lingering,) = site.open
    assert (lingering.lead, lingering.rules) == ("heat", ("heat", "slow"))
    site.poll(6)
    assert site.open == []
    notes = [m.reason.value for m in site.messages if m.kind.value == "note"]
    assert notes == ["resolved"]
    assert [i.ending for i in site.engine.incidents] == [Ending.RECOVERED]


def test_a_job_that_stays_slow_after_its_culprit_recovered_is_another_story() -> None:
    site = Site()
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    site.say("heat", site.gpu(2, 3))
    site.poll(4)
    (both,) = site.open
    site.unsay("heat", site.gpu(2, 3))
    site.poll(8)
    (left,) = site.open
    assert (left.lead, left.members, left.id != both.id) == ("slow", (), True)
    (ended,) = [i for i in site.engine.incidents if not i.open]
    assert (ended.id, ended.ending) == (both.id, Ending.RECOVERED)


def test_the_culprit_found_afterwards_is_told_once() -> None:
    site = Site()
    site.say("slow", site.job("J"))
    site.poll(4)
    site.say("heat", site.gpu(2, 3))
    messages = site.poll(30)
    assert [(m.kind.value, m.reason.value) for m in messages][:2] == [
        ("card", "cause"),
        ("note", "cause"),
    ]
    assert "note" not in {m.kind.value for m in messages[2:]}
    assert messages[1].text == "Cause found: CRITICAL: heat · n2 GPU 3 · 60 s"


def test_a_job_without_a_name_works_as_well() -> None:
    name = "(inferred) n1"
    site = Site(jobs={name: range(1, 9)})
    site.say("slow", site.job(name), WARNING)
    site.poll(2)
    site.say("late", site.gpu(2, 3), CRITICAL)
    site.poll(2)
    (one,) = site.open
    assert (one.lead, one.job, one.victims) == ("late", name, 63)


def test_a_finding_about_a_job_ends_with_the_job() -> None:
    site = Site()
    site.say("heat", site.gpu(2, 3))
    site.say("slow", site.job("J"), WARNING)
    site.poll(4)
    site.jobs = {"K": range(9, 13)}
    site.rules["slow"].forgets = True
    site.says_nothing()
    site.poll(38)
    assert [i.rules for i in site.open] == [("heat", "slow")]
    site.health = {"slurm": "does not answer"}
    site.poll(20)
    assert len(site.open) == 1
    site.health = {}
    site.poll(2)
    assert site.open == []
    (ended,) = site.engine.incidents
    assert ended.ending is Ending.RECOVERED


def test_a_job_alone_that_ended_did_not_recover() -> None:
    site = Site()
    site.say("slow", site.job("J"), WARNING)
    site.poll(4)
    site.rules["slow"].forgets = True
    site.says_nothing()
    site.poll(80)
    assert len(site.open) == 1
    site.jobs = {}
    site.poll(2)
    assert [i.ending for i in site.engine.incidents] == [Ending.EXPIRED]


def test_a_jobs_finding_waits_a_minute_for_a_pending_culprit_and_no_longer() -> None:
    site = Site(params={"late": {"hold": 1e6}})
    site.say("late", site.gpu(2, 3))
    site.say("slow", site.job("J"), WARNING)
    site.poll(4)
    assert site.open == []
    site.poll(2)
    assert [i.lead for i in site.open] == ["slow"]


def test_the_same_findings_in_a_circle_still_name_their_gpu() -> None:
    class Round(Late):
        name, yields_to = "round", ("circle",)

    class Circle(Late):
        name, yields_to = "circle", ("round",)

    site = Site()
    site.begin([Round, Circle])
    site.poll()
    site.say("round", site.gpu(2, 3))
    site.say("circle", site.gpu(2, 3))
    site.poll(2)
    (one,) = site.open
    assert [m.gpu for m in one.members] == [3]
