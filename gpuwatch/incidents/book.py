"""The working copy of one step: conditions, incidents and who belongs to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property

from gpuwatch.incidents.kinship import (
    families,
    is_waiting,
    loudness,
    suffers_from,
    yields,
)
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.identity import Subject
from gpuwatch.model.incident import Event, EventKind, Incident
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Notify

Key = tuple[str, Subject]


@dataclass
class Book:
    """Copies, so that a step that is never committed leaves no trace.

    Objects are frozen; a change puts a new one, and `changed_*` tells what differs
    from the beginning by identity. `quiet`: rules that are new here and only go to the
    digest.
    """

    rules: Mapping[str, Rule]
    conditions: dict[Key, Condition]
    incidents: dict[str, Incident]
    quiet: AbstractSet[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    _members: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _places: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _crews: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _seen: set[str] = field(default_factory=set)
    _waiters: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for condition in self.conditions.values():
            self._index(condition)

    def _index(self, condition: Condition) -> None:
        self._seen.add(condition.rule)
        self._places[condition.subject.node].add(condition.key)
        if condition.incident_id:
            self._members[condition.incident_id].add(condition.key)
        waits = bool(condition.jobs) and is_waiting(condition, self.rules)
        for job in condition.jobs:
            self._crews[job].add(condition.key)
            if waits:
                self._waiters[job].add(condition.key)

    def _unhire(self, condition: Condition) -> None:
        for job in condition.jobs:
            self._crews[job].discard(condition.key)
            self._waiters[job].discard(condition.key)

    @cached_property
    def rank(self) -> Mapping[str, int]:
        """Rules by loudness: those yielded to come first."""
        return loudness(self.rules)

    @cached_property
    def families(self) -> Mapping[str, str]:
        """The family of each rule."""
        return families(self.rules)

    @cached_property
    def _yielders(self) -> Mapping[str, set[str]]:
        """By rule those that yield to it."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, rule in self.rules.items():
            for louder in rule.yields_to:
                found[louder].add(name)
        return found

    def notify(self, rule: str) -> Notify:
        """Where a rule's findings go."""
        wanted = self.rules[rule].params.notify
        is_loud = wanted in (Notify.CHANNEL, Notify.PAGE)
        return Notify.DIGEST if is_loud and rule in self.quiet else wanted

    def put(self, condition: Condition) -> None:
        """Add or replace a condition; its incident is to be composed anew."""
        before = self.conditions.get(condition.key)
        if before is not None:
            self._unhire(before)
        self.conditions[condition.key] = condition
        self._index(condition)
        if condition.incident_id:
            self.touched.add(condition.incident_id)

    def forget(self, key: Key) -> None:
        """A condition that nothing remembers any more."""
        gone = self.conditions.pop(key, None)
        if gone is None:
            return
        self._places[gone.subject.node].discard(key)
        self._unhire(gone)
        if gone.incident_id:
            self._members[gone.incident_id].discard(key)

    def assign(self, condition: Condition, incident_id: str) -> None:
        """Make it part of an incident."""
        if condition.incident_id:
            self._members[condition.incident_id].discard(condition.key)
            self.touched.add(condition.incident_id)
        self.put(replace(condition, incident_id=incident_id))

    def of(self, incident_id: str) -> list[Condition]:
        """The incident's conditions, earliest first."""
        found = [self.conditions[key] for key in self._members[incident_id]]
        return sorted(found, key=lambda c: (c.started_at, c.subject.key, c.rule))

    def near(self, subject: Subject) -> Iterator[Condition]:
        """Conditions that may overlap a subject: on its node, or on no node."""
        keys: Iterable[Key] = [
            *self._places.get(subject.node, ()),
            *(self._places.get("", ()) if subject.node else ()),
        ]
        for key in keys:
            condition = self.conditions[key]
            if condition.subject.overlaps(subject):
                yield condition

    def _around(self, condition: Condition) -> Iterator[Condition]:
        """Others at its place, and between a job and those who work for it."""
        subject = condition.subject
        for other in self.near(subject):
            if other.key != condition.key:
                yield other
        if subject.job and not subject.node:
            yield from (self.conditions[key] for key in self._crews[subject.job])
        elif condition.jobs:
            for key in self._places.get("", ()):
                if key[1].job in condition.jobs:
                    yield self.conditions[key]

    def _crew(
        self, condition: Condition, *, waiters: bool = False
    ) -> Iterator[Condition]:
        """Others that work for its job, or only those that seem to wait."""
        crews = self._waiters if waiters else self._crews
        for job in condition.jobs:
            for key in crews[job]:
                if key != condition.key:
                    yield self.conditions[key]

    def causes(self, condition: Condition) -> Iterator[Condition]:
        """Conditions, pending or firing, that explain this one."""
        rule = self.rules.get(condition.rule)
        if rule is not None and not self._seen.isdisjoint(rule.yields_to):
            for other in self._around(condition):
                if yields(condition, other, self.rules):
                    yield other
        if is_waiting(condition, self.rules):
            for other in self._crew(condition):
                if suffers_from(condition, other, self.rules):
                    yield other

    def symptoms(self, condition: Condition) -> Iterator[Condition]:
        """Conditions that this one explains."""
        if not self._seen.isdisjoint(self._yielders[condition.rule]):
            for other in self._around(condition):
                if yields(other, condition, self.rules):
                    yield other
        rule = self.rules.get(condition.rule)
        if rule is not None and rule.slows_job:
            for other in self._crew(condition, waiters=True):
                if suffers_from(other, condition, self.rules):
                    yield other

    def is_explained(self, condition: Condition) -> bool:
        """Whether a firing condition of its own incident explains it."""
        return any(
            cause.incident_id == condition.incident_id and cause.state is State.FIRING
            for cause in self.causes(condition)
        )

    def unassigned(self) -> list[Condition]:
        """Firing conditions that belong to no open incident yet."""
        return [
            condition
            for condition in self.conditions.values()
            if condition.state is State.FIRING and not self.is_housed(condition)
        ]

    def is_housed(self, condition: Condition) -> bool:
        """Whether it belongs to an open incident."""
        home = self.incidents.get(condition.incident_id)
        return home is not None and home.open

    def note(self, incident_id: str, at: float, kind: EventKind, text: str) -> None:
        """One line of the story."""
        self.events.append(Event(incident_id, at, kind, text))

    def open_incidents(self) -> list[Incident]:
        """Those still firing."""
        return [incident for incident in self.incidents.values() if incident.open]
