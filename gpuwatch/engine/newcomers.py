"""Rules that an upgrade brought to a site with history: how they begin there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Notify

RULES_SINCE, JUDGED_SINCE = "rules_since", "judged_since"
ARRIVAL_SECONDS = 900.0
# Set by hand: the operator knows the rule, and has said how loud it is to be.
_SAID = frozenset({"enabled", "notify"})


@dataclass(frozen=True)
class Newcomers:
    """When each rule came to a cluster, and which of them only go to the digest."""

    since: Mapping[str, float]
    quiet: frozenset[str]
    notes: tuple[str, ...]

    @classmethod
    def among(
        cls,
        rules: Mapping[str, Rule],
        facts: Mapping[str, object],
        now: float,
    ) -> Newcomers:
        """By what is remembered of the cluster; said once, when a rule is new."""
        before, judged = (_times(facts, name) for name in (RULES_SINCE, JUDGED_SINCE))
        since = rules_since(rules, before, judged, now)
        quiet = begins_quietly(rules, since)
        new = {name for name in quiet if name not in before}
        return cls(since, quiet, (note_on(new),) if new else ())


def _times(facts: Mapping[str, object], name: str) -> Mapping[str, float]:
    found = facts.get(name)
    return found if isinstance(found, dict) else {}


def rules_since(
    rules: Collection[str],
    known: Mapping[str, float],
    judged_since: Mapping[str, float],
    now: float,
) -> dict[str, float]:
    """When each rule came to this cluster; `known` is the same of last time.

    A site whose memory is older than this note had the rules that ever judged there.
    """
    since = dict(known)
    if not since and judged_since:
        first = min(judged_since.values())
        since = dict.fromkeys(judged_since, first)
    for name in rules:
        since.setdefault(name, now)
    return since


def begins_quietly(
    rules: Mapping[str, Rule], since: Mapping[str, float]
) -> frozenset[str]:
    """Statistical rules that came later than the first ones, and are as shipped."""
    first = min(since.values(), default=0.0)
    return frozenset(
        name
        for name, rule in rules.items()
        if rule.statistical
        and since.get(name, first) > first
        and not _SAID & rule.params.model_fields_set
        and rule.params.notify in (Notify.CHANNEL, Notify.PAGE)
    )


def note_on(names: Collection[str]) -> str:
    """What is said about them once."""
    listed = ", ".join(sorted(names))
    return (
        f"new here, and for the digest only until you set their `notify` "
        f"(rules: {{{min(names)}: {{notify: page}}}}): {listed}"
    )


def arrived_at(judged_since: Mapping[str, float], rule: str) -> float:
    """The first look at the cluster, or at a rule that came later."""
    first = min(judged_since.values())
    own = judged_since.get(rule, first)
    return first if own - first <= ARRIVAL_SECONDS else own
