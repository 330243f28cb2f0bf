"""The plugs between the core and the world. Adapters fit them by shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from gpuwatch.engine.step import Memory, Step
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Message, Receipt
from gpuwatch.model.request import Request
from gpuwatch.model.snapshot import Snapshot


@dataclass(frozen=True)
class CustomQuery:
    """A custom rule's PromQL, and its optional guard that must not be empty."""

    name: str
    expr: str
    present: str = ""


@dataclass(frozen=True)
class Plan:
    """What enabled rules want read: metrics by name, the longest window, queries."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    queries: tuple[CustomQuery, ...] = ()


class Source(Protocol):
    """Readings in. One source is one cluster."""

    cluster: str

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        """All readings at one time (None = now, by the server's clock less the offset).

        Appends new GPUs to `fleet`. SourceError when the cluster cannot be read at
        all; a single failed query only fills `Snapshot.unread`.
        """

    def history(
        self, plan: Plan, fleet: Fleet, start: float, end: float, step: float
    ) -> Iterator[Snapshot]:
        """The same readings for each `step` of the past, oldest first."""

    def close(self) -> None:
        """Let go of connections and threads."""


class Notifier(Protocol):
    """Words out, to one channel. No retry, no order, no pacing: delivery does that.

    `edits`: it can change and answer what it sent. Without, cards come only for the
    reasons first, worse, wider, reopened and resolved, and notes not at all.
    """

    name: str
    edits: bool

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Post, or edit or answer `previous`. NotifyError when it did not work."""

    def find(self, message_id: str, previous: Receipt | None) -> Receipt | None:
        """Look up a message that may already have been accepted."""


@dataclass(frozen=True)
class Parcel:
    """An outbox row on its way to one receiver.

    `state`: queued, sending (an attempt began and nothing was noted after it), sent,
    superseded, dead.
    """

    id: int
    receiver: str
    message: Message
    state: str
    attempts: int
    due_at: float
    error: str = ""


class Store(Protocol):
    """The memory. Every method raises StoreError when it cannot do its work whole."""

    @property
    def rebirths(self) -> int:
        """How often it came back empty; after each the whole state is to be written."""

    def load(self, cluster: str) -> tuple[Memory, Fleet]:
        """Everything that an engine had committed."""

    def commit(self, step: Step, fleet: Fleet, receivers: Sequence[str]) -> None:
        """Write the step and its messages (one a receiver) in one transaction."""

    def requests(self) -> Sequence[Request]:
        """What people asked and no cycle has taken up."""

    def ask(self, request: Request) -> int:
        """Append a request."""

    def due(self, now: float, limit: int) -> Sequence[Parcel]:
        """The oldest unsent parcel of each card and receiver that is due, in order."""

    def sending(self, parcel: Parcel, now: float) -> None:
        """Note the intent, before the attempt."""

    def sent(self, parcel: Parcel, receipt: Receipt, now: float) -> None:
        """Note Slack's yes: parcel and receipt in one transaction."""

    def postpone(
        self, parcel: Parcel, due_at: float, error: str, *, unsure: bool = False
    ) -> None:
        """Try again later. `unsure`: it may have been accepted, so stay `sending`."""

    def postpone_receiver(self, receiver: str, due_at: float, error: str) -> None:
        """Delay all that is unsent to one receiver (a 429 is for the whole channel)."""

    def forget_receipt(self, card_id: str, receiver: str) -> None:
        """The posted card is gone: the next one posted is its first again."""

    def give_up(self, parcel: Parcel, error: str, now: float) -> None:
        """Never again."""

    def receipt(self, card_id: str, receiver: str) -> Receipt | None:
        """Where a card was posted."""

    def backlog(self, now: float) -> tuple[int, float]:
        """Unsent parcels, and the age in seconds of the oldest."""

    def incidents(
        self, *, open_only: bool = False, limit: int = 200
    ) -> Sequence[Incident]:
        """Newest first, all clusters."""

    def incident(self, incident_id: str) -> Incident | None:
        """One incident."""

    def story(self, incident_id: str) -> Sequence[Event]:
        """Its events, oldest first."""

    def prune(self, before: float) -> int:
        """Forget what ended before that time; how many incidents went."""

    def close(self) -> None:
        """Flush and let go."""
