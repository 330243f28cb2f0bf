"""What delivery needs of the store, and the answers that the store has not got yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gpuwatch.model.message import MessageKind, Receipt
from gpuwatch.ports import Parcel


class Outbox(Protocol):
    """The part of `ports.Store` that delivery uses; StoreError from any of it."""

    def due(self, now: float, limit: int) -> Sequence[Parcel]:
        """The oldest unsent parcel of each card and receiver that is due."""

    def sending(self, parcel: Parcel, now: float) -> None:
        """Note the intent."""

    def sent(self, parcel: Parcel, receipt: Receipt, now: float) -> None:
        """Note the yes; a card's first receipt is kept."""

    def postpone(
        self, parcel: Parcel, due_at: float, error: str, *, unsure: bool = False
    ) -> None:
        """Later; `unsure` keeps it in `sending`, so that it is looked for first."""

    def give_up(self, parcel: Parcel, error: str, now: float) -> None:
        """Never again."""

    def receipt(self, card_id: str, receiver: str) -> Receipt | None:
        """Where a card was posted."""

    def forget_receipt(self, card_id: str, receiver: str) -> None:
        """The posted card is gone."""

    def backlog(self, now: float) -> tuple[int, float]:
        """Unsent parcels, and the age in seconds of the oldest."""


class Delivered:
    """Parcels that the channel has accepted, until the store has it in writing.

    If the store breaks between the two, the answer is kept here and written when it
    is back, so that nothing is sent twice.
    """

    def __init__(self, store: Outbox) -> None:
        self._store = store
        self._unwritten: dict[int, tuple[Parcel, Receipt, Receipt | None]] = {}

    def note(
        self, parcel: Parcel, receipt: Receipt, previous: Receipt | None, now: float
    ) -> None:
        """Write the yes; StoreError when it could not be, but it is kept."""
        self._unwritten[parcel.id] = (parcel, receipt, previous)
        self.write(now)

    def write(self, now: float) -> None:
        """Write what is unwritten."""
        for number, (parcel, receipt, previous) in list(self._unwritten.items()):
            message = parcel.message
            moved = previous is not None and receipt != previous
            if moved and message.kind is MessageKind.CARD:
                self._store.forget_receipt(message.card_id, parcel.receiver)
            self._store.sent(parcel, receipt, now)
            del self._unwritten[number]
