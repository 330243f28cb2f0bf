"""A condition: one rule on one subject, from first sight to its end.

Conditions live and end by readings alone. What people are told is the incident's
affair (model/incident.py): one cause, to which one or many conditions belong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gpuwatch.model.identity import Subject
from gpuwatch.model.rule import Kind
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Verdict


class State(StrEnum):
    """Only these three; everything else is a timestamp or an ending."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Ending(StrEnum):
    """How a resolved one ended. Only RECOVERED may be worded as recovered."""

    RECOVERED = "recovered"
    REPLACED = "replaced"
    RETIRED = "retired"
    ABSORBED = "absorbed"
    CLOSED = "closed"
    EXPIRED = "expired"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Policy:
    """The timing of one rule's conditions; all in seconds and distinct samples."""

    hold_seconds: float = 15.0
    keep_firing_seconds: float = 300.0
    samples_needed: int = 2
    samples_window: int = 3
    kind: Kind = Kind.STATE
    load_dependent: bool = False
    expire_seconds: float | None = None
    pending_unknown_seconds: float = 300.0
    reopen_seconds: float = 1800.0
    clean_after_remedy_seconds: float = 600.0
    longest_gap_seconds: float = 150.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one cycle knows of one condition.

    Args:
        verdict: FIRING, CLEAR or UNKNOWN.
        sampled_at: when the newest distinct sample was taken (Unix seconds); the
            same value as last time means: no new sample, nothing to count.
        loaded: under a load comparable to that of the fault.
        gone: why there will be no more readings (replaced, retired, disabled).
        remedied_at: last boot or driver reset of the device, for event kinds.
        since: when the fault began, where the rule knows better than "now".
    """

    verdict: Verdict
    sampled_at: float
    loaded: bool = True
    gone: Ending | None = None
    remedied_at: float | None = None
    since: float | None = None
    severity: Severity = Severity.WARNING
    evidence: Mapping[str, float] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """The memory of one rule on one subject.

    `samples` holds the last distinct samples, newest last (`B` bad, `C` clean).
    `held_seconds` and `clean_seconds` count known time only: UNKNOWN pauses both.
    `arrival`: it was there when gpuwatch first looked. `jobs`: those that its GPU or
    node works for, or worked for when it was last known.
    """

    rule: str
    subject: Subject
    state: State
    started_at: float
    severity: Severity = Severity.WARNING
    detected_at: float | None = None
    resolved_at: float | None = None
    ending: Ending | None = None
    sampled_at: float = 0.0
    last_bad_at: float = 0.0
    last_verdict: Verdict = Verdict.FIRING
    samples: str = ""
    held_seconds: float = 0.0
    clean_seconds: float = 0.0
    unknown_since: float | None = None
    unloaded_since: float | None = None
    occurrences: int = 1
    reopened: int = 0
    arrival: bool = False
    incident_id: str = ""
    evidence: Mapping[str, float] = field(default_factory=dict)
    words: str = ""
    jobs: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, Subject]:
        """Its identity."""
        return (self.rule, self.subject)


class Change(StrEnum):
    """What one advance did to a condition that others must know of."""

    FIRED = "fired"
    REFIRED = "refired"
    REOPENED = "reopened"
    WORSE = "worse"
    RESOLVED = "resolved"
    DROPPED = "dropped"
