"""The engine: judge, attribute, advance, mute, pace, all in one pure `step`.

`run`, `check`, `backtest` and the benches all drive this one object, one a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpuwatch.engine.advance import advance_all
from gpuwatch.engine.asked import Asked
from gpuwatch.engine.company import Companions, with_inferred_jobs
from gpuwatch.engine.discovery import FACT as UNLISTED
from gpuwatch.engine.discovery import to_retire, unlisted_since
from gpuwatch.engine.judge import Around, judge, uncovered, windows_of
from gpuwatch.engine.newcomers import (
    JUDGED_SINCE,
    RULES_SINCE,
    Newcomers,
    arrived_at,
)
from gpuwatch.engine.past import Past
from gpuwatch.engine.pulse import Pulse
from gpuwatch.engine.step import ConditionKey, KeptKey, Memory, Step
from gpuwatch.engine.stride import Strides
from gpuwatch.engine.voice import Voice
from gpuwatch.incidents.attribution import attribute
from gpuwatch.incidents.book import Book
from gpuwatch.incidents.compose import compose
from gpuwatch.incidents.employment import Employment
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
        self._employment = Employment()
        self._pulse = Pulse(memory.kept)
        self._next_pulse = self._pulse
        self._companions = self._next_companions = Companions(memory.kept)
        self._strides = self._next_strides = Strides(memory.kept)
        self._flushed_at = 0.0

    @property
    def incidents(self) -> Sequence[Incident]:
        """All that are open, and those that ended within the hour."""
        return list(self.memory.incidents.values())

    @property
    def knows_cluster(self) -> bool:
        """Whether it ever judged here before."""
        return bool(self._since(JUDGED_SINCE))

    def whole(self, at: float) -> Step:
        """Everything that is remembered, for a store that lost it."""
        memory = self.memory
        return Step(
            cluster=memory.cluster,
            at=at,
            conditions=dict(memory.conditions),
            incidents=tuple(memory.incidents.values()),
            kept={**memory.kept, **self._own_columns()},
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
        self._employment.take(snapshot)

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
        snapshot = self._acquainted(snapshot)
        verdicts = self._judge(snapshot)
        facts = self._first_judged(snapshot.at)
        newcomers = Newcomers.among(self.rules, self.memory.facts, snapshot.at)
        book = self._book(newcomers.quiet)
        silences = dict(self.memory.silences)
        asked = Asked(book, snapshot.fleet, silences, snapshot.at)
        taken = asked.take(requests)
        unlisted = unlisted_since(snapshot, self._since(UNLISTED))
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
            facts=self._changed_facts(
                {JUDGED_SINCE: facts, UNLISTED: unlisted, RULES_SINCE: newcomers.since}
            ),
            notes=newcomers.notes,
            taken=taken,
            silences=tuple(asked.changed_silences.values()),
            fleet_changed=asked.fleet_changed or bool(left),
        )

    def _acquainted(self, snapshot: Snapshot) -> Snapshot:
        """Who lives, who runs with whom and at what stride; with inferred jobs."""
        self._next_pulse = self._pulse.after(snapshot)
        self._next_companions = self._companions.after(snapshot)
        company = self._next_companions.company
        collect = self._next_pulse.collect_seconds
        self._next_strides = self._strides.after(snapshot, company, self._past, collect)
        acquainted = with_inferred_jobs(snapshot, company)
        self._employment.take(acquainted)
        return acquainted

    def _judge(self, snapshot: Snapshot) -> Mapping[str, Verdicts]:
        rules, kept = self.rules.values(), self.memory.kept
        around = Around(
            self._past,
            self._next_pulse,
            self._next_companions.company,
            self._next_strides.stride,
        )
        verdicts, failed = judge(rules, snapshot, around, kept)
        missing = {r.name: uncovered(r, snapshot) for r in rules}
        self.coverage = Coverage(
            missing={name: names for name, names in missing.items() if names},
            failed=failed,
            known={name: int(v.known.sum()) for name, v in verdicts.items()},
            firing={name: int(v.firing.sum()) for name, v in verdicts.items()},
        )
        return verdicts

    def _since(self, fact: str) -> Mapping[str, float]:
        """A fact that holds times by name."""
        found = self.memory.facts.get(fact, {})
        return found if isinstance(found, dict) else {}

    def _changed_facts(self, facts: Mapping[str, object]) -> dict[str, object]:
        before = self.memory.facts
        return {k: fact for k, fact in facts.items() if before.get(k, {}) != fact}

    def _first_judged(self, now: float) -> Mapping[str, float]:
        """When each rule was first able to judge anybody in this cluster."""
        since = dict(self._since(JUDGED_SINCE))
        for name, known in self.coverage.known.items():
            if known:
                since.setdefault(name, now)
        return since

    def _book(self, quiet: frozenset[str]) -> Book:
        memory = self.memory
        incidents = dict(memory.incidents)
        return Book(self.rules, dict(memory.conditions), incidents, quiet)

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
        scene = Scene(snapshot, self._employment)
        attribute(book, scene, now, nodes)
        compose(book, scene, now, nodes)
        for incident in book.open_incidents():
            if incident.arrival and not incident.arrived_at:
                first = arrived_at(judged_since, incident.lead)
                book.incidents[incident.id] = replace(incident, arrived_at=first)

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
            changed.update(self._own_columns())
        return changed

    def _own_columns(self) -> dict[KeptKey, Column]:
        """What the engine itself must know again after a restart."""
        keepers = (self._next_pulse, self._next_companions, self._next_strides)
        return {key: column for k in keepers for key, column in k.columns().items()}

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
        self._companions, self._strides = self._next_companions, self._next_strides
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


def _same(before: Column, after: Column) -> bool:
    return len(before) == len(after) and np.array_equal(before, after, equal_nan=True)
