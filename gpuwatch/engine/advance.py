"""Move conditions by this cycle's verdicts: only rows that fire or fired lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from gpuwatch.engine.pulse import Pulse
from gpuwatch.engine.readings import Readings
from gpuwatch.incidents.book import Book
from gpuwatch.incidents.lifecycle import advance, begin, close
from gpuwatch.model.condition import Change, Condition, Ending, Policy
from gpuwatch.model.incident import EventKind
from gpuwatch.model.rule import Kind, Rule
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.model.verdict import Verdicts

APPLICATION_XID_EXPIRES_SECONDS = 1800.0


def policy_of(rule: Rule, severity: Severity, collect_seconds: float) -> Policy:
    """The timing of a rule's conditions."""
    needed, window = rule.samples
    is_event = rule.kind is Kind.EVENT
    expires = is_event and severity is Severity.INFO
    return Policy(
        hold_seconds=rule.params.hold,
        keep_firing_seconds=rule.params.keep_firing,
        samples_needed=needed,
        samples_window=window,
        kind=rule.kind,
        load_dependent=rule.load_dependent,
        expire_seconds=APPLICATION_XID_EXPIRES_SECONDS if expires else None,
        longest_gap_seconds=max(150.0, 3 * collect_seconds),
    )


def advance_all(
    book: Book,
    verdicts: Mapping[str, Verdicts],
    snapshot: Snapshot,
    pulse: Pulse,
    new_rules: AbstractSet[str],
) -> None:
    """Advance every condition and begin new ones; the book takes the changes.

    What a rule in `new_rules` finds was there before it first looked: arrivals.
    """
    known: dict[str, list[Condition]] = defaultdict(list)
    for condition in book.conditions.values():
        known[condition.rule].append(condition)
    for name, conditions in known.items():
        if name not in book.rules:
            _disable(book, conditions, snapshot.at)
    for name, verdict in verdicts.items():
        readings = Readings(book.rules[name], verdict, snapshot, pulse)
        walk = _Walk(book, book.rules[name], readings, snapshot.at, pulse)
        walk.go_on(known[name])
        walk.begin_new(arrival=name in new_rules)


class _Walk:
    """One rule's way through its subjects."""

    def __init__(
        self, book: Book, rule: Rule, readings: Readings, now: float, pulse: Pulse
    ) -> None:
        self._book, self._rule, self._readings = book, rule, readings
        self._now, self._collect = now, pulse.collect_seconds
        self._done: set[object] = set()

    def _policy(self, severity: Severity) -> Policy:
        return policy_of(self._rule, severity, self._collect)

    def go_on(self, conditions: list[Condition]) -> None:
        for before in conditions:
            reading = self._readings.of(before.subject)
            policy = self._policy(before.severity)
            after, change = advance(before, reading, self._now, policy)
            self._done.add(before.subject)
            self._record(before, after, change)

    def begin_new(self, *, arrival: bool) -> None:
        for subject in self._readings.firing():
            if subject in self._done:
                continue
            reading = self._readings.of(subject)
            policy = self._policy(reading.severity)
            new, change = begin(self._rule.name, subject, reading, self._now, policy)
            if new is not None:
                self._record(None, replace(new, arrival=arrival), change)

    def _record(
        self, before: Condition | None, after: Condition | None, change: Change | None
    ) -> None:
        if after is None:
            if before is not None:
                self._book.forget(before.key)
            return
        if after is before:
            return
        self._book.put(after)
        if change is not None and after.incident_id:
            self._tell(after, change)

    def _tell(self, condition: Condition, change: Change) -> None:
        kinds = {Change.WORSE: EventKind.WORSE, Change.REFIRED: EventKind.REPEATED}
        kind = kinds.get(change)
        if kind is not None:
            text = f"{condition.rule} on {condition.subject.node}"
            self._book.note(condition.incident_id, self._now, kind, text)


def _disable(book: Book, conditions: list[Condition], now: float) -> None:
    """The rule was switched off: its conditions end, and are not called recovered."""
    for condition in conditions:
        ended, _ = close(condition, now, Ending.DISABLED)
        if ended is None:
            book.forget(condition.key)
        elif ended is not condition:
            book.put(ended)
