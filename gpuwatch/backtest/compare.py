"""Two configurations over the same history: what each would have told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gpuwatch.backtest.outcome import Outcome, Traffic
from gpuwatch.model.duration import say_duration
from gpuwatch.model.incident import Incident, Member

Alike = Callable[[Incident, Incident], bool]


@dataclass(frozen=True)
class Pair:
    """The same trouble, as the first (`a`) and the second (`b`) would have told it."""

    a: Incident
    b: Incident
    a_traffic: Traffic
    b_traffic: Traffic

    @property
    def told_later_seconds(self) -> float:
        """By how much the second speaks later; negative = sooner."""
        return self.b.detected_at - self.a.detected_at

    @property
    def more_messages(self) -> int:
        """How many more messages the second sends."""
        return self.b_traffic.messages - self.a_traffic.messages

    @property
    def changes(self) -> Sequence[str]:
        """What differs, in a few words each; nothing = the same to those on call."""
        return list(self._changes())

    def _changes(self) -> Iterator[str]:
        a, b, later = self.a, self.b, self.told_later_seconds
        if a.severity != b.severity:
            yield f"{a.severity.word} → {b.severity.word}"
        if a.lead != b.lead:
            yield f"led by {a.lead} → {b.lead}"
        if later:
            word = "later" if later > 0 else "sooner"
            yield f"told {say_duration(abs(later))} {word}"
        yield from self._end_changes()
        yield from self._traffic_changes()

    def _end_changes(self) -> Iterator[str]:
        a, b = self.a.resolved_at, self.b.resolved_at
        if a is not None and b is not None and a != b:
            word = "later" if b > a else "sooner"
            yield f"ends {say_duration(abs(b - a))} {word}"
        elif (a is None) != (b is None):
            yield "ends → open at the end" if b is None else "open at the end → ends"

    def _traffic_changes(self) -> Iterator[str]:
        a, b = self.a_traffic, self.b_traffic
        if a.messages != b.messages:
            yield f"{a.messages} → {b.messages} messages"
        if a.pages != b.pages:
            yield f"{a.pages} → {b.pages} pages"


@dataclass(frozen=True)
class Comparison:
    """What only one of the two tells, and what both do, in the order of detection.

    Incidents that were absorbed into another are not told apart; their messages count.
    """

    a: Outcome
    b: Outcome
    names: tuple[str, str]
    only_a: tuple[Incident, ...]
    only_b: tuple[Incident, ...]
    both: tuple[Pair, ...]

    @property
    def changed(self) -> Sequence[Pair]:
        """Those of both that differ."""
        return [pair for pair in self.both if pair.changes]


def compare(
    a: Outcome, b: Outcome, names: tuple[str, str] = ("first", "second")
) -> Comparison:
    """Match incidents by rule, members and time, each at most once.

    Those with the same leading rule first, then those in which one's leading rule took
    part in the other; of several the one that shares the most time.
    """
    left, right = list(_own(a.incidents)), list(_own(b.incidents))
    pairs: list[tuple[Incident, Incident]] = []
    for alike in (_same_lead, _shared_lead):
        pairs += _matched(left, right, alike, max(a.end, b.end))
    both = [
        Pair(x, y, a.traffic_of(x.id), b.traffic_of(y.id))
        for x, y in sorted(pairs, key=lambda pair: (pair[0].detected_at, pair[0].id))
    ]
    return Comparison(a, b, names, tuple(left), tuple(right), tuple(both))


def pages_per_day(outcome: Outcome) -> float:
    """How often people would have been called, a day."""
    return outcome.total.pages / outcome.days if outcome.days > 0 else 0.0


def _own(incidents: Iterable[Incident]) -> Iterator[Incident]:
    return (incident for incident in incidents if incident.merged_into is None)


def _matched(
    left: list[Incident], right: list[Incident], alike: Alike, end: float
) -> Iterator[tuple[Incident, Incident]]:
    """Pairs that share the most time, taken out of both lists."""
    candidates = [
        (_shared_seconds(x, y, end), x, y)
        for x, y in _neighbours(left, right)
        if alike(x, y) and _same_place(x, y)
    ]
    candidates.sort(key=lambda found: (-found[0], found[1].id, found[2].id))
    for seconds, x, y in candidates:
        if seconds >= 0 and x in left and y in right:
            left.remove(x)
            right.remove(y)
            yield x, y


def _neighbours(
    left: Iterable[Incident], right: Iterable[Incident]
) -> Iterator[tuple[Incident, Incident]]:
    """Each pair that has a node in common, or no node at all, once."""
    by_node: dict[str, list[Incident]] = {}
    for incident in right:
        for node in _nodes(incident):
            by_node.setdefault(node, []).append(incident)
    for x in left:
        near = {y.id: y for node in _nodes(x) for y in by_node.get(node, ())}
        yield from ((x, y) for y in near.values())


def _nodes(incident: Incident) -> set[str]:
    return {member.node for member in incident.members} or {""}


def _same_lead(x: Incident, y: Incident) -> bool:
    return x.lead == y.lead


def _shared_lead(x: Incident, y: Incident) -> bool:
    return x.lead in y.rules or y.lead in x.rules


def _shared_seconds(x: Incident, y: Incident, end: float) -> float:
    """Seconds in which both stood; negative = never."""
    x_end = end if x.resolved_at is None else x.resolved_at
    y_end = end if y.resolved_at is None else y.resolved_at
    return min(x_end, y_end) - max(x.started_at, y.started_at)


def _same_place(x: Incident, y: Incident) -> bool:
    """A common GPU or node; without members the same job, or the cluster."""
    if not x.members or not y.members:
        return x.job == y.job and x.scope == y.scope
    return any(_overlap(m, n) for m in x.members for n in y.members)


def _overlap(m: Member, n: Member) -> bool:
    return m.node == n.node and (m.uuid == n.uuid or None in {m.uuid, n.uuid})
