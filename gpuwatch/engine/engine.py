"""The engine: judge, attribute, advance, mute, pace, all in one pure `step`.

`run`, `check`, `backtest` and the benches all drive this one object, one a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpuwatch.engine.advance import advance_all
from gpuwatch.engine.asked import Asked
from gpuwatch.engine.discovery import FACT as UNLISTED
from gpuwatch.engine.discovery import to_retire, unlisted_since
from gpuwatch.engine.judge import judge, uncovered, windows_of
from gpuwatch.engine.past import Past
from gpuwatch.engine.pulse import Pulse
from gpuwatch.engine.step import ConditionKey, KeptKey, Memory, Step
from gpuwatch.engine.voice import Voice
from gpuwatch.incidents.attribution import attribute
from gpuwatch.incidents.book import Book
from gpuwatch.incidents.compose import compose
from gpuwatch.incidents.scene import Scene
from gpuwatch.incidents.wording import Links
from gpuwatch.model.condition import Condition
from gpuwatch.model.incident import Incident
from gpuwatch.model.request import Request
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Column, Snapshot
from gpuwatch.model.verdict import Verdicts

REMEMBER_SECONDS = 3600.0
FLUSH_SECONDS = 600.0
ARRIVAL_SECONDS = 900.0
JUDGED_SINCE = "judged_since"


@dataclass(frozen=True)
class Coverage:
    """What the last step could and could not see, rule by rule."""

    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    firing: Mapping[str, int] = field(default_factory=dict)


class Engine:
    """State of one cluster; it moves only by `committed`."""

    def __init__(
        self, rules: Sequence[Rule], memory: Memory, links: Links | None = None
    ) -> None:
        self.rules = {rule.name: rule for rule in rules if rule.params.enabled}
        self.links = links or Links()
        self.memory = memory
        self.windows = windows_of(self.rules.values())
        self.coverage = Coverage()
        self._past = Past(self.windows)
        self._pulse = Pulse(memory.kept)
        self._next_pulse = self._pulse
        self._flushed_at = 0.0

    @property
    def incidents(self) -> Sequence[Incident]:
        """All that are open, and those that ended within the hour."""
        return list(self.memory.incidents.values())

    @property
    def knows_cluster(self) -> bool:
        """Whether it ever judged here before."""
        return bool(self._judged_since())

    def whole(self, at: float) -> Step:
        """Everything that is remembered, for a store that lost it."""
        memory = self.memory
        return Step(
            cluster=memory.cluster,
            at=at,
            conditions=dict(memory.conditions),
            incidents=tuple(memory.incidents.values()),
            kept={**memory.kept, **self._pulse.columns()},
            facts=dict(memory.facts),
            silences=tuple(memory.silences.values()),
            fleet_changed=True,
        )

    def seed(self, snapshot: Snapshot) -> None:
        """Take up a snapshot of the past: it fills windows and judges nothing.

        The pulse stays as it was kept: it is newer than this past, whose lower energy
        counters would look like a driver reset of the whole fleet.
        """
        self._past.add(snapshot)

    def step(
        self,
        snapshot: Snapshot,
        requests: Sequence[Request] = (),
        *,
        looking_back: bool = False,
    ) -> Step:
        """Decide everything about one snapshot; nothing moves until `committed`.

        Only the windows of recent columns take the snapshot up at once: they are
        readings, not decisions. `looking_back`: the snapshot is from before gpuwatch
        was here; what it shows was found on arrival, and nothing is said yet.
        """
        self._past.add(snapshot)
        self._next_pulse = self._pulse.after(snapshot)
        verdicts = self._judge(snapshot)
        facts = self._first_judged(snapshot.at)
        book = self._book()
        silences = dict(self.memory.silences)
        asked = Asked(book, snapshot.fleet, silences, snapshot.at)
        taken = asked.take(requests)
        unlisted = unlisted_since(snapshot, self._unlisted())
        left = to_retire(snapshot, unlisted, self.rules.values())
        snapshot.fleet.retire(nodes=left)
        self._decide(book, verdicts, snapshot, facts, looking_back=looking_back)
        voice = Voice(book, snapshot.at, self.links, silences.values())
        messages = () if looking_back else voice.speak()
        return Step(
            cluster=snapshot.cluster,
            at=snapshot.at,
            conditions=self._changed_conditions(book),
            incidents=self._changed_incidents(book),
            events=tuple(book.events),
            messages=tuple(messages),
            kept=self._changed_kept(verdicts, snapshot.at),
            facts=self._changed_facts({JUDGED_SINCE: facts, UNLISTED: unlisted}),
            taken=taken,
            silences=tuple(asked.changed_silences.values()),
            fleet_changed=asked.fleet_changed or bool(left),
        )

    def _judge(self, snapshot: Snapshot) -> Mapping[str, Verdicts]:
        rules, kept = self.rules.values(), self.memory.kept
        verdicts, failed = judge(rules, snapshot, self._past, kept, self._next_pulse)
        missing = {r.name: uncovered(r, snapshot) for r in rules}
        self.coverage = Coverage(
            missing={name: names for name, names in missing.items() if names},
            failed=failed,
            known={name: int(v.known.sum()) for name, v in verdicts.items()},
            firing={name: int(v.firing.sum()) for name, v in verdicts.items()},
        )
        return verdicts

    def _judged_since(self) -> Mapping[str, float]:
        found = self.memory.facts.get(JUDGED_SINCE, {})
        return found if isinstance(found, dict) else {}

    def _unlisted(self) -> Mapping[str, float]:
        found = self.memory.facts.get(UNLISTED, {})
        return found if isinstance(found, dict) else {}

    def _changed_facts(self, facts: Mapping[str, object]) -> dict[str, object]:
        before = self.memory.facts
        return {k: fact for k, fact in facts.items() if before.get(k, {}) != fact}

    def _first_judged(self, now: float) -> Mapping[str, float]:
        """When each rule was first able to judge anybody in this cluster."""
        since = dict(self._judged_since())
        for name, known in self.coverage.known.items():
            if known:
                since.setdefault(name, now)
        return since

    def _book(self) -> Book:
        memory = self.memory
        return Book(self.rules, dict(memory.conditions), dict(memory.incidents))

    def _decide(
        self,
        book: Book,
        verdicts: Mapping[str, Verdicts],
        snapshot: Snapshot,
        judged_since: Mapping[str, float],
        *,
        looking_back: bool,
    ) -> None:
        fleet, now = snapshot.fleet, snapshot.at
        nodes = len(fleet.nodes) - len(fleet.retired_nodes)
        new_rules = {
            name for name, since in judged_since.items() if looking_back or since == now
        }
        advance_all(book, verdicts, snapshot, self._next_pulse, new_rules)
        attribute(book, now, nodes)
        compose(book, Scene(snapshot), now, nodes)
        for incident in book.open_incidents():
            if incident.arrival and not incident.arrived_at:
                arrived = _arrived_at(judged_since, incident.lead)
                book.incidents[incident.id] = replace(incident, arrived_at=arrived)

    def _changed_conditions(self, book: Book) -> dict[ConditionKey, Condition | None]:
        before = self.memory.conditions
        changed: dict[ConditionKey, Condition | None] = {
            key: c for key, c in book.conditions.items() if before.get(key) is not c
        }
        changed.update({key: None for key in before if key not in book.conditions})
        return changed

    def _changed_incidents(self, book: Book) -> tuple[Incident, ...]:
        before = self.memory.incidents
        return tuple(i for k, i in book.incidents.items() if before.get(k) is not i)

    def _changed_kept(
        self, verdicts: Mapping[str, Verdicts], now: float
    ) -> dict[KeptKey, Column]:
        changed: dict[KeptKey, Column] = {}
        for rule, verdict in verdicts.items():
            for name, column in verdict.keep.items():
                before = self.memory.kept.get((rule, name))
                if before is None or not _same(before, column):
                    changed[rule, name] = column
        if now - self._flushed_at >= FLUSH_SECONDS:
            changed.update(self._next_pulse.columns())
        return changed

    def committed(self, step: Step) -> None:
        """The step is safely written: move."""
        memory = self.memory
        for key, condition in step.conditions.items():
            if condition is None:
                memory.conditions.pop(key, None)
            else:
                memory.conditions[key] = condition
        memory.incidents.update({i.id: i for i in step.incidents})
        memory.kept.update(step.kept)
        memory.facts.update(step.facts)
        memory.silences.update({s.id: s for s in step.silences})
        if any(rule == "engine" for rule, _ in step.kept):
            self._flushed_at = step.at
        self._pulse = self._next_pulse
        self._forget_old(step.at)

    def _forget_old(self, now: float) -> None:
        """Ended incidents leave the register; the store keeps them."""
        housed = {c.incident_id for c in self.memory.conditions.values()}
        old = [
            i.id
            for i in self.memory.incidents.values()
            if not i.open
            and i.id not in housed
            and now - (i.resolved_at or now) > REMEMBER_SECONDS
        ]
        for incident_id in old:
            del self.memory.incidents[incident_id]
        ended = [s.id for s in self.memory.silences.values() if s.ends_at < now]
        for silence_id in ended:
            if now - self.memory.silences[silence_id].ends_at > REMEMBER_SECONDS:
                del self.memory.silences[silence_id]


def _arrived_at(judged_since: Mapping[str, float], rule: str) -> float:
    """The first look at the cluster, or at a rule that came later."""
    first = min(judged_since.values())
    own = judged_since.get(rule, first)
    return first if own - first <= ARRIVAL_SECONDS else own


def _same(before: Column, after: Column) -> bool:
    return len(before) == len(after) and np.array_equal(before, after, equal_nan=True)
