"""The working copy of one step: conditions, incidents and who belongs to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gpuwatch.model.condition import Condition, State
from gpuwatch.model.identity import Subject
from gpuwatch.model.incident import Event, EventKind, Incident
from gpuwatch.model.rule import Rule

Key = tuple[str, Subject]


@dataclass
class Book:
    """Copies, so that a step that is never committed leaves no trace.

    Objects are frozen; a change puts a new one, and `changed_*` tells what differs
    from the beginning by identity.
    """

    rules: Mapping[str, Rule]
    conditions: dict[Key, Condition]
    incidents: dict[str, Incident]
    events: list[Event] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    _members: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))
    _places: dict[str, set[Key]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for condition in self.conditions.values():
            self._index(condition)

    def _index(self, condition: Condition) -> None:
        self._places[condition.subject.node].add(condition.key)
        if condition.incident_id:
            self._members[condition.incident_id].add(condition.key)

    def put(self, condition: Condition) -> None:
        """Add or replace a condition; its incident is to be composed anew."""
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
        return sorted(found, key=lambda c: (c.started_at, c.subject.key))

    def near(self, subject: Subject) -> Iterator[Condition]:
        """Conditions that may overlap a subject: on its node, or on no node."""
        keys: Iterable[Key] = [
            *self._places.get(subject.node, ()),
            *(self._places.get("", ()) if subject.node else ()),
        ]
        for key in keys:
            condition = self.conditions[key]
            if condition.subject.place.overlaps(subject.place):
                yield condition

    def unassigned(self) -> list[Condition]:
        """Firing conditions that belong to no open incident yet."""
        return [
            condition
            for condition in self.conditions.values()
            if condition.state is State.FIRING and not self._housed(condition)
        ]

    def _housed(self, condition: Condition) -> bool:
        home = self.incidents.get(condition.incident_id)
        return home is not None and home.open

    def note(self, incident_id: str, at: float, kind: EventKind, text: str) -> None:
        """One line of the story."""
        self.events.append(Event(incident_id, at, kind, text))

    def open_incidents(self) -> list[Incident]:
        """Those still firing."""
        return [incident for incident in self.incidents.values() if incident.open]
