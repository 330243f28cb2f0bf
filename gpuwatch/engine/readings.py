"""From a rule's arrays to the readings of those few subjects that matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gpuwatch.engine.pulse import Pulse
from gpuwatch.model.condition import Condition, Ending, Reading
from gpuwatch.model.identity import Subject
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.model.verdict import Verdict, Verdicts

# Their evidence is the absence of samples, so every poll is one.
_POLLED = frozenset({Category.AVAILABILITY, Category.TELEMETRY, Category.XID})


class Readings:
    """One rule's verdicts, asked about single subjects."""

    def __init__(
        self, rule: Rule, verdicts: Verdicts, snapshot: Snapshot, pulse: Pulse
    ) -> None:
        self._rule, self._verdicts = rule, verdicts
        self._now, self._pulse = snapshot, pulse
        named = verdicts.subjects
        self._place: Mapping[Subject, int] | None = (
            None if named is None else {s: i for i, s in enumerate(named)}
        )

    def firing(self) -> Iterator[Subject]:
        """Subjects whose verdict is FIRING."""
        named = self._verdicts.subjects
        for index in np.flatnonzero(self._verdicts.firing & self._verdicts.known):
            yield named[index] if named is not None else self._subject(int(index))

    def _subject(self, index: int) -> Subject:
        if self._rule.scope is Scope.NODE:
            return self._now.fleet.node_subject(index)
        return self._now.fleet.subject(index)

    def of(self, subject: Subject) -> Reading:
        """What this cycle knows of the subject."""
        index = self._index(subject)
        gone = self._gone(subject)
        if index is None:
            return self._unlisted(subject, gone)
        since = _at(self._verdicts.since, index)
        severity = self._verdicts.severity
        worst = self._rule.params.severity
        return Reading(
            verdict=self._verdict(index),
            sampled_at=self._sampled_at(subject),
            loaded=self._verdicts.loaded is None or bool(self._verdicts.loaded[index]),
            gone=gone,
            remedied_at=self._remedied_at(subject),
            since=since,
            severity=worst if severity is None else Severity(int(severity[index])),
            evidence=self._evidence(index),
            words=self._verdicts.words[index] if self._verdicts.words else "",
        )

    def _unlisted(self, subject: Subject, gone: Ending | None) -> Reading:
        elsewhere, row = self._verdicts.elsewhere, self._row(subject)
        if isinstance(elsewhere, bool):
            clear = elsewhere
        else:
            clear = row is not None and bool(elsewhere[row])
        return Reading(
            verdict=Verdict.CLEAR if clear else Verdict.UNKNOWN,
            sampled_at=self._sampled_at(subject),
            gone=gone,
            remedied_at=self._remedied_at(subject),
        )

    def _index(self, subject: Subject) -> int | None:
        if self._place is not None:
            return self._place.get(subject)
        index = self._now.fleet.row_of(subject)
        inside = index is not None and index < len(self._verdicts.firing)
        return index if inside else None

    def _verdict(self, index: int) -> Verdict:
        if not self._verdicts.known[index]:
            return Verdict.UNKNOWN
        return Verdict.FIRING if self._verdicts.firing[index] else Verdict.CLEAR

    def _evidence(self, index: int) -> Mapping[str, float]:
        found = {n: _at(col, index) for n, col in self._verdicts.evidence.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _row(self, subject: Subject) -> int | None:
        row = self._now.fleet.row_of(subject) if subject.uuid else None
        return row if row is not None and row < self._now.rows else None

    def _sampled_at(self, subject: Subject) -> float:
        row = self._row(subject)
        if row is None or self._rule.category in _POLLED:
            return self._now.at
        distinct = _at(self._pulse.distinct_at, row)
        return self._now.at if distinct is None else distinct

    def _remedied_at(self, subject: Subject) -> float | None:
        row = self._row(subject)
        return None if row is None else _at(self._pulse.reset_at, row)

    def _gone(self, subject: Subject) -> Ending | None:
        fleet, row = self._now.fleet, self._row(subject)
        if subject.node in fleet.retired_nodes or row in fleet.retired:
            return Ending.RETIRED
        if row is not None and self._is_replaced(row):
            return Ending.REPLACED
        return None

    def _is_replaced(self, row: int) -> bool:
        """Another live card sits in this one's slot."""
        gpu = self._now.fleet.gpus[row]
        if self._now.present[row] or gpu.index is None:
            return False
        for other in self._now.fleet.rows_of_node(gpu.node):
            theirs = self._now.fleet.gpus[other]
            live = other < self._now.rows and self._now.present[other]
            if live and theirs.index == gpu.index and theirs.uuid != gpu.uuid:
                return True
        return False


def _at(column: np.ndarray | None, index: int) -> float | None:
    """One value of a column, or None where it is absent."""
    if column is None or index >= len(column) or np.isnan(column[index]):
        return None
    return float(column[index])


def concerned(rule: str, conditions: Iterable[Condition]) -> list[Condition]:
    """The rule's conditions that every cycle must advance."""
    return [condition for condition in conditions if condition.rule == rule]
