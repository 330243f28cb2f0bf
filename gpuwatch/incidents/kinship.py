"""How two conditions are related: whether one explains the other (ADR 7)."""

from __future__ import annotations

from collections.abc import Mapping

from gpuwatch.model.condition import Condition, State
from gpuwatch.model.rule import Kind, Rule
from gpuwatch.model.severity import Category, Scope, Severity

Rules = Mapping[str, Rule]
# What heats or brakes one GPU mostly comes from outside of it: a fan, a rack, a PDU.
FROM_OUTSIDE = frozenset({Category.THERMAL, Category.POWER})
# A fault that the job lived with for longer explains no fall of its pace of now.
EXPLAINS_SECONDS = 1800.0
# Nor does one that was over by then.
OVER_SECONDS = 300.0
# Two nodes show one event up to a collect and a scrape apart.
SKEW_SECONDS = 60.0


def loudness(rules: Rules) -> dict[str, int]:
    """Rules in the order in which they are housed: those yielded to come first.

    Where plug-ins yield to each other in a circle, it is broken somewhere.
    """
    order: dict[str, int] = {}
    entered: set[str] = set()

    def visit(name: str) -> None:
        entered.add(name)
        for louder in rules[name].yields_to:
            if louder in rules and louder not in entered:
                visit(louder)
        order[name] = len(order)

    for name in rules:
        if name not in entered:
            visit(name)
    return order


def families(rules: Rules) -> dict[str, str]:
    """By rule the name of its family, whose findings may be one cause from outside.

    Related are rules of one category, heat or power, that yield to each other; any
    other rule is its own family.
    """
    family = {name: name for name in rules}
    for name, rule in rules.items():
        for louder in rule.yields_to:
            if louder in rules and _are_related(rule, rules[louder]):
                joined = {family[name], family[louder]}
                head = min(joined)
                family = {n: head if f in joined else f for n, f in family.items()}
    return family


def _are_related(one: Rule, other: Rule) -> bool:
    return one.category is other.category and one.category in FROM_OUTSIDE


def is_of_job(condition: Condition) -> bool:
    """Whether it is about a job as a whole."""
    return condition.subject.scope is Scope.JOB


def yields(quiet: Condition, loud: Condition, rules: Rules) -> bool:
    """Whether `quiet` is a symptom of `loud` by its rule's own word.

    Both are about the same place, or one about the other's job; the caller knows that.
    """
    rule = rules.get(quiet.rule)
    if rule is None or loud.rule not in rule.yields_to or loud.rule not in rules:
        return False
    if loud.state is State.RESOLVED or not _is_loud_enough(quiet, loud, rules):
        return False
    within = rule.yields_within_seconds
    if within is not None and loud.last_bad_at < quiet.started_at - within:
        return False
    if is_of_job(quiet) and not is_of_job(loud):
        return _is_timely(quiet, loud, rules)
    return True


def _is_loud_enough(quiet: Condition, loud: Condition, rules: Rules) -> bool:
    """A quieter one explains only what is a symptom in any case.

    What is only a note about a louder kind of trouble, such as an application's XID,
    explains nothing that is louder than itself.
    """
    if loud.severity >= quiet.severity:
        return True
    if not (rules[quiet.rule].symptom or is_of_job(quiet)):
        return False
    usual = rules[loud.rule].params.severity
    return loud.severity > Severity.INFO or usual is Severity.INFO


def _is_timely(quiet: Condition, loud: Condition, rules: Rules) -> bool:
    """A job falls out of its stride about when its culprit begins."""
    if loud.last_bad_at < quiet.started_at - OVER_SECONDS:
        return False
    return distance(quiet, loud, rules) <= EXPLAINS_SECONDS


def distance(quiet: Condition, loud: Condition, rules: Rules) -> float:
    """Seconds between the two onsets; that of an event is its last occurrence."""
    event = rules[loud.rule].kind is Kind.EVENT
    onset = loud.last_bad_at if event else loud.started_at
    return abs(onset - quiet.started_at)


def is_waiting(condition: Condition, rules: Rules) -> bool:
    """Whether it may be no more than waiting for somebody else in its job."""
    rule = rules.get(condition.rule)
    return rule is not None and rule.suffers(condition.evidence)


def suffers_from(quiet: Condition, loud: Condition, rules: Rules) -> bool:
    """Whether a GPU only waits for a culprit elsewhere in the job that they share.

    The culprit has evidence of its own, is no quieter, and was there before.
    """
    rule = rules.get(loud.rule)
    if rule is None or not rule.slows_job or loud.state is State.RESOLVED:
        return False
    if not is_waiting(quiet, rules) or is_waiting(loud, rules):
        return False
    after = quiet.started_at - loud.started_at
    in_time = -SKEW_SECONDS <= after <= EXPLAINS_SECONDS
    return in_time and loud.severity >= quiet.severity
