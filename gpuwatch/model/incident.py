"""An incident: one cause, one story, one message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gpuwatch.model.condition import Ending, State
from gpuwatch.model.severity import Category, Notify, Scope, Severity


@dataclass(frozen=True, slots=True)
class Member:
    """One GPU (or, without a UUID, one node) that an incident is about."""

    node: str
    gpu: int | None = None
    uuid: str | None = None


@dataclass(frozen=True, slots=True)
class Ack:
    """Somebody has it in hand: no reminders until it gets worse or wider."""

    by: str
    at: float
    severity: Severity
    members: int
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What was last said about an incident, so that it is not said twice."""

    at: float
    state: State
    severity: Severity
    scope: Scope
    members: int
    reminders: int = 0
    reopened: int = 0
    face: str = ""


@dataclass(frozen=True)
class Incident:
    """Times are Unix seconds; `lead` is the rule whose words head the message.

    `card_id` names the message it lives on: its own id, or that of a shared card
    (found on arrival). `merged_into` is set when it ended absorbed. `place`: what its
    members share, in words (`rack r12`), "" = nothing that is known.
    """

    id: str
    cluster: str
    lead: str
    category: Category
    state: State
    severity: Severity
    scope: Scope
    started_at: float
    detected_at: float
    updated_at: float
    members: tuple[Member, ...] = ()
    nodes: tuple[str, ...] = ()
    job: str = ""
    place: str = ""
    summary: str = ""
    action: str = ""
    evidence: Mapping[str, float] = field(default_factory=dict)
    peers: Mapping[str, float] = field(default_factory=dict)
    victims: int = 0
    notify: Notify = Notify.PAGE
    rules: tuple[str, ...] = ()
    ending: Ending | None = None
    resolved_at: float | None = None
    merged_into: str | None = None
    unknown_since: float | None = None
    unloaded_since: float | None = None
    reopened: int = 0
    flapping: bool = False
    arrival: bool = False
    card_id: str = ""
    ack: Ack | None = None
    silenced_by: str | None = None
    told: Told | None = None
    refreshed_at: float = 0.0
    arrived_at: float = 0.0

    @property
    def open(self) -> bool:
        """Still firing."""
        return self.state is State.FIRING

    @property
    def only(self) -> Member | None:
        """The one member, if there is exactly one."""
        return self.members[0] if len(self.members) == 1 else None


class EventKind(StrEnum):
    """The steps of an incident's story."""

    OPENED = "opened"
    WORSE = "worse"
    WIDER = "wider"
    REPEATED = "repeated"
    ACKED = "acknowledged"
    ACK_VOID = "acknowledgement void"
    SILENCED = "silenced"
    UNSILENCED = "silence ended"
    NO_DATA = "no data"
    UNLOADED = "not under load"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    FLAPPING = "flapping"
    ABSORBED = "absorbed"
    CAUSE = "cause found"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the story; kept for ever (until retention)."""

    incident_id: str
    at: float
    kind: EventKind
    text: str
    by: str = ""
