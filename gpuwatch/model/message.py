"""Words for people, in no channel's dialect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gpuwatch.model.severity import Severity


class Reason(StrEnum):
    """Why gpuwatch speaks now."""

    FIRST = "first"
    WORSE = "worse"
    WIDER = "wider"
    CAUSE = "cause"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    UPDATE = "update"


class Tone(StrEnum):
    """The face of a card."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    ACKED = "acknowledged"
    UNKNOWN = "unknown"
    RESOLVED = "resolved"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Link:
    """A place to look: Grafana, a runbook, the status page."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """The message that is edited as the story goes on; plain text, unescaped.

    `headline` alone must be enough on a phone's lock screen. `facts` are
    (name, value) pairs, `lines` short sentences, `items` the rows of a shared card.
    """

    tone: Tone
    headline: str
    summary: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    action: str = ""
    links: tuple[Link, ...] = ()
    footer: str = ""


class MessageKind(StrEnum):
    """CARD posts or edits the incident's message; NOTE is a reply in its thread."""

    CARD = "card"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say on one card.

    `id` is unique and stable: it finds the message again after a crash. All
    messages of one `card_id` keep their order. `broadcast`: also show the note in
    the channel, since an edit notifies nobody. `mention`: call people by name.
    `urgent`: goes out directly when the store is broken.
    """

    id: str
    card_id: str
    cluster: str
    kind: MessageKind
    reason: Reason
    severity: Severity
    at: float
    text: str
    card: Card | None = None
    broadcast: bool = False
    mention: bool = False
    urgent: bool = False
    incident_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a message came to rest, so that it can be edited and answered."""

    channel: str
    ts: str
