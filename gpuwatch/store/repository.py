"""The store that the rest sees: `gpuwatch.ports.Store`, and a little more."""

from __future__ import annotations

from collections.abc import Sequence

from gpuwatch.engine.step import Memory, Step
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Receipt
from gpuwatch.model.request import Request
from gpuwatch.ports import Parcel
from gpuwatch.store import outbox, pruning, reading
from gpuwatch.store.commit import write_step
from gpuwatch.store.database import Database
from gpuwatch.store.fleets import read_fleet, write_fleet


class SqlStore:
    """A memory in SQLite or PostgreSQL; safe for several threads.

    Every method is one transaction and raises StoreError when it cannot do its work
    whole; the next call starts afresh. `due` is for one delivery thread only.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def reborn(self) -> bool:
        """The file was removed or replaced: what had been committed is not in it.

        The call that noticed raised StoreError. Commit the engine's whole state, then
        call `rewritten`; until then every commit writes the whole fleet.
        """
        return self._database.reborn

    @property
    def rebirths(self) -> int:
        """How often that happened: with several clusters, each compares for itself."""
        return self._database.rebirths

    def rewritten(self) -> None:
        """The whole state was committed again."""
        self._database.rewritten()

    def load(self, cluster: str) -> tuple[Memory, Fleet]:
        """Everything committed for a cluster; empty for an unknown one."""
        with self._database.reading() as connection:
            fleet = read_fleet(connection, cluster, self._database.place)
            return reading.read_memory(connection, cluster), fleet

    def commit(self, step: Step, fleet: Fleet, receivers: Sequence[str]) -> None:
        """Write all of a step or nothing of it; twice is the same as once."""
        with self._database.writing() as connection:
            if step.fleet_changed or self.reborn:
                write_fleet(connection, fleet)
            write_step(connection, step, receivers)

    def requests(self) -> Sequence[Request]:
        """What no cycle has taken up, oldest first."""
        with self._database.reading() as connection:
            return reading.requests(connection)

    def ask(self, request: Request) -> int:
        """Append a request (its own id is ignored); the id that it got."""
        with self._database.writing() as connection:
            return reading.ask(connection, request)

    def due(self, now: float, limit: int) -> Sequence[Parcel]:
        """The oldest unsent parcel of each card and receiver that is due, in order.

        At most 500 at a time. Queued edits of one card are collapsed before
        (collapse.py). A parcel in state `sending` may have been accepted: look for it
        before sending it again.
        """
        with self._database.reading() as connection:
            found = outbox.due(connection, now, limit)
            crowded = outbox.crowded(connection, found)
        if not crowded:
            return found
        with self._database.writing() as connection:
            for queue in crowded:
                outbox.collapse_queue(connection, queue, now)
            return outbox.due(connection, now, limit)

    def sending(self, parcel: Parcel, now: float) -> None:
        """Note the intent; StoreError when it is no longer to be sent."""
        del now
        with self._database.writing() as connection:
            outbox.sending(connection, parcel)

    def sent(self, parcel: Parcel, receipt: Receipt, now: float) -> None:
        """Done; a card's first receipt becomes its address."""
        with self._database.writing() as connection:
            outbox.sent(connection, parcel, receipt, now)

    def postpone(
        self, parcel: Parcel, due_at: float, error: str, *, unsure: bool = False
    ) -> None:
        """Try again later. `unsure`: it may have been accepted, so stay `sending`."""
        with self._database.writing() as connection:
            outbox.postpone(connection, parcel, due_at, error, unsure=unsure)

    def postpone_receiver(self, receiver: str, due_at: float, error: str) -> None:
        """Delay all that is unsent to one receiver (a 429 is for the whole channel)."""
        with self._database.writing() as connection:
            outbox.postpone_receiver(connection, receiver, due_at, error)

    def give_up(self, parcel: Parcel, error: str, now: float) -> None:
        """Never again."""
        with self._database.writing() as connection:
            outbox.give_up(connection, parcel, error, now)

    def receipt(self, card_id: str, receiver: str) -> Receipt | None:
        """A card's address in one channel, if it was ever posted there."""
        with self._database.reading() as connection:
            return outbox.receipt(connection, card_id, receiver)

    def forget_receipt(self, card_id: str, receiver: str) -> None:
        """The posted card is gone: the next one posted is its first again."""
        with self._database.writing() as connection:
            outbox.forget_receipt(connection, card_id, receiver)

    def backlog(self, now: float) -> tuple[int, float]:
        """Unsent parcels, and the age in seconds of the oldest (0 = none)."""
        with self._database.reading() as connection:
            return outbox.backlog(connection, now)

    def incidents(
        self, *, open_only: bool = False, limit: int = 200
    ) -> Sequence[Incident]:
        """Newest detection first, all clusters."""
        with self._database.reading() as connection:
            return reading.incidents(connection, open_only=open_only, limit=limit)

    def incident(self, incident_id: str) -> Incident | None:
        """One incident."""
        with self._database.reading() as connection:
            return reading.incident(connection, incident_id)

    def story(self, incident_id: str) -> Sequence[Event]:
        """Its events, oldest first."""
        with self._database.reading() as connection:
            return reading.story(connection, incident_id)

    def prune(self, before: float) -> int:
        """Forget what ended before that time; how many incidents went."""
        with self._database.writing() as connection:
            found = pruning.prune(connection, before)
        with self._database.writing() as connection:
            pruning.shrink(connection)
        return found

    def close(self) -> None:
        """Let go of the connections and of the claim."""
        self._database.close()
