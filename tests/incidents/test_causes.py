"""Which findings are one cause: the truth table of ADR 7, in every order of arrival."""

from collections.abc import Callable

import pytest

from gpuwatch.model.condition import Ending
from gpuwatch.model.identity import Subject
from gpuwatch.model.severity import Severity
from tests.incidents.causes import CRITICAL, INFO, WARNING, Site

# Where the second finding is, beside n2 GPU 3.
PLACES: dict[str, Callable[[Site], Subject]] = {
    "same gpu": lambda site: site.gpu(2, 3),
    "same node": lambda site: site.gpu(2, 5),
    "its node": lambda site: site.node(2),
    "same job": lambda site: site.gpu(4, 1),
    "other job": lambda site: site.gpu(10, 1),
    "its job": lambda site: site.job("J"),
    "not its job": lambda site: site.job("K"),
}
W, C, N = WARNING, CRITICAL, INFO
# cause, its severity | symptom, its severity, where | leads of the open incidents, the
# severity of the first of them
TRUTH = [
    # a straggler is a symptom of its GPU's hard evidence, however mild that is
    ("heat", W, "late", C, "same gpu", ["heat"], C),
    ("heat", C, "late", W, "same gpu", ["heat"], C),
    ("heat", W, "late", C, "same node", ["heat", "late"], None),
    ("heat", W, "late", C, "same job", ["heat", "late"], None),
    ("brake", C, "late", C, "same gpu", ["brake"], C),
    ("code", W, "late", C, "same gpu", ["code"], C),
    # an application's XID explains no straggler; a note on a setting does
    ("code", N, "late", C, "same gpu", ["code", "late"], None),
    ("setting", N, "late", C, "same gpu", ["setting"], C),
    # hard evidence is never swallowed by something quieter
    ("code", W, "ecc", C, "same gpu", ["code", "ecc"], None),
    ("code", C, "ecc", C, "same gpu", ["code"], C),
    ("code", C, "ecc", C, "same node", ["code", "ecc"], None),
    ("heat", C, "ecc", C, "same gpu", ["ecc", "heat"], None),
    # what is found of the job belongs to the one who holds it up
    ("late", C, "slow", W, "its job", ["late"], C),
    ("heat", W, "slow", C, "its job", ["heat"], C),
    ("gone", C, "drop", C, "its job", ["gone"], C),
    ("drop", W, "slow", W, "its job", None, W),
    ("late", C, "slow", W, "not its job", ["late", "slow"], None),
    ("warm", W, "slow", W, "its job", ["slow", "warm"], None),
    ("code", N, "slow", W, "its job", ["code", "slow"], None),
    ("setting", N, "slow", W, "its job", ["setting"], W),
    # one family on one node is one cause; two GPUs' own hard evidence is not
    ("heat", C, "warm", W, "same gpu", ["heat"], C),
    ("heat", C, "warm", W, "same node", ["heat"], C),
    ("heat", C, "warm", W, "same job", ["heat", "warm"], None),
    ("heat", C, "ecc", C, "same node", ["ecc", "heat"], None),
    ("heat", C, "brake", C, "same gpu", ["brake", "heat"], None),
    # two culprits are two
    ("late", C, "late", C, "same job", ["late", "late"], None),
    ("late", C, "late", C, "other job", ["late", "late"], None),
    ("heat", C, "heat", C, "same job", ["heat", "heat"], None),
    ("heat", C, "heat", C, "same node", ["heat"], C),
]


def named(row: tuple[object, ...]) -> str:
    return "-".join(str(part) for part in row[:5]).replace(" ", "_")


@pytest.mark.parametrize("order", ["cause first", "symptom first", "together"])
@pytest.mark.parametrize("row", TRUTH, ids=named)
def test_truth(
    row: tuple[str, Severity, str, Severity, str, list[str] | None, Severity | None],
    order: str,
) -> None:
    cause, cause_severity, symptom, symptom_severity, where, leads, severity = row
    site = Site()
    at = PLACES["its job"](site) if cause == "drop" else site.gpu(2, 3)
    findings = [
        (cause, at, cause_severity),
        (symptom, PLACES[where](site), symptom_severity),
    ]
    if order == "symptom first":
        findings.reverse()
    for rule, subject, level in findings:
        site.say(rule, subject, level)
        if order != "together":
            site.poll(2)
    first = site.open[0].id if order != "together" else ""
    site.poll(3)
    assert sorted(i.lead for i in site.open) == (leads or ["drop"])
    assert first in {i.id for i in site.open} | {""}
    if severity is not None:
        assert [i.severity for i in site.open] == [severity]
        assert len({m.card_id for m in site.messages}) <= 1
    ended = [i for i in site.engine.incidents if not i.open]
    assert ended == []


def test_an_absorbed_message_points_to_the_one_that_was_told_first() -> None:
    site = Site()
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    site.say("warm", site.gpu(2, 3), WARNING)
    site.poll(2)
    first, second = site.open
    site.say("heat", site.gpu(2, 3))
    site.poll(2)
    (left,) = site.open
    assert (left.id, left.lead) == (first.id, "heat")
    (ended,) = [i for i in site.engine.incidents if not i.open]
    assert (ended.id, ended.ending) == (second.id, Ending.ABSORBED)
    assert ended.merged_into == first.id


def test_a_second_culprit_does_not_take_over_the_firsts_incident() -> None:
    site = Site()
    site.say("slow", site.job("J"), WARNING)
    site.poll(2)
    site.say("late", site.gpu(2, 3))
    site.poll(2)
    site.say("heat", site.gpu(5, 1))
    site.poll(2)
    assert [(i.lead, i.nodes) for i in site.open] == [
        ("late", ("n2",)),
        ("heat", ("n5",)),
    ]
    assert [i.victims for i in site.open] == [62, 62]


def test_a_symptom_brings_its_severity_only_through_a_door_as_wide() -> None:
    site = Site(params={"late": {"notify": "digest"}})
    site.say("heat", site.gpu(2, 3), WARNING)
    site.say("late", site.gpu(2, 3), CRITICAL)
    site.poll(2)
    (one,) = site.open
    assert (one.lead, one.severity, one.notify.value) == ("heat", WARNING, "page")


def test_a_loud_symptom_is_heard_through_a_quiet_note() -> None:
    site = Site(params={"setting": {"notify": "digest"}})
    site.say("setting", site.gpu(2, 3), INFO)
    site.poll(2)
    site.say("late", site.gpu(2, 3), CRITICAL)
    assert [m.reason.value for m in site.poll(2)] == ["first"]
    (one,) = site.open
    assert (one.lead, one.severity, one.notify.value) == ("setting", CRITICAL, "page")


def test_heat_of_another_day_on_the_same_node_is_another_cause() -> None:
    site = Site()
    site.say("warm", site.gpu(2, 3), WARNING)
    site.poll(60)
    site.say("heat", site.gpu(2, 5))
    site.poll(2)
    assert [i.lead for i in site.open] == ["warm", "heat"]
