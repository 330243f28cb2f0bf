"""Messages on their way out, and where they came to rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select, update
from sqlalchemy.engine import Row

from gpuwatch.errors import StoreError
from gpuwatch.model.message import Message, MessageKind, Receipt
from gpuwatch.ports import Parcel
from gpuwatch.store import bodies
from gpuwatch.store.collapse import collapse
from gpuwatch.store.schema import outbox, receipts
from gpuwatch.store.writing import insert_new

MOST_AT_ONCE = 500
Queue = tuple[str, str]
_LONGEST_ERROR = 500
_UNSENT = outbox.c.state.in_(("queued", "sending"))
_QUEUED_CARD = and_(outbox.c.state == "queued", outbox.c.kind == MessageKind.CARD.value)
_CROWDED = (
    select(outbox.c.card_id, outbox.c.receiver)
    .where(_QUEUED_CARD, outbox.c.card_id.in_(bindparam("cards", expanding=True)))
    .group_by(outbox.c.card_id, outbox.c.receiver)
    .having(func.count() > 1)
)


def crowded(connection: Connection, parcels: Sequence[Parcel]) -> list[Queue]:
    """Which queues (card, receiver) of these parcels hold several edits."""
    cards = list({parcel.message.card_id for parcel in parcels})
    rows = connection.execute(_CROWDED, {"cards": cards})
    return [(row.card_id, row.receiver) for row in rows]


def collapse_queue(connection: Connection, queue: Queue, now: float) -> None:
    """Let the oldest of several queued edits speak for all (see collapse.py)."""
    card_id, receiver = queue
    mine = and_(outbox.c.card_id == card_id, outbox.c.receiver == receiver)
    rows = connection.execute(select(outbox).where(mine, _UNSENT).order_by(outbox.c.id))
    found = collapse([_parcel(row) for row in rows])
    if found is not None:
        body = bodies.dump(found.parcel.message)
        _set(connection, outbox.c.id == found.parcel.id, body=body)
        others = outbox.c.id.in_(found.superseded)
        _set(connection, others, **_ended("superseded", now))


def due(connection: Connection, now: float, limit: int) -> list[Parcel]:
    """The oldest unsent parcel of each card and receiver, where it is due."""
    oldest = (
        select(func.min(outbox.c.id))
        .where(_UNSENT)
        .group_by(outbox.c.card_id, outbox.c.receiver)
    )
    rows = connection.execute(
        select(outbox)
        .where(outbox.c.id.in_(oldest), outbox.c.due_at <= now)
        .order_by(outbox.c.id)
        .limit(min(limit, MOST_AT_ONCE))
    )
    return [_parcel(row) for row in rows]


def sending(connection: Connection, parcel: Parcel) -> None:
    """Note the intent; StoreError when the parcel is no longer to be sent."""
    found = _set(
        connection,
        and_(_is(parcel), _UNSENT),
        state="sending",
        attempts=outbox.c.attempts + 1,
    )
    if not found:
        raise StoreError(
            f"message {parcel.message.id} to {parcel.receiver} is no longer to be sent"
        )


def sent(connection: Connection, parcel: Parcel, receipt: Receipt, now: float) -> None:
    """Note the yes; the first receipt of a card is its address for good."""
    _set(connection, _is(parcel), **_ended("sent", now))
    if parcel.message.kind is MessageKind.CARD:
        row = {
            "card_id": parcel.message.card_id,
            "receiver": parcel.receiver,
            "channel": receipt.channel,
            "ts": receipt.ts,
            "at": now,
        }
        insert_new(connection, receipts, [row])


def postpone(
    connection: Connection, parcel: Parcel, due_at: float, error: str, *, unsure: bool
) -> None:
    """Later; `unsure` keeps it in `sending`, so that it is looked for first."""
    state = "sending" if unsure else "queued"
    _set(
        connection,
        and_(_is(parcel), _UNSENT),
        state=state,
        due_at=due_at,
        error=error[:_LONGEST_ERROR],
    )


def postpone_receiver(
    connection: Connection, receiver: str, due_at: float, error: str
) -> None:
    """Nothing unsent to this receiver is due before that time."""
    _set(
        connection,
        and_(outbox.c.receiver == receiver, _UNSENT, outbox.c.due_at < due_at),
        due_at=due_at,
        error=error[:_LONGEST_ERROR],
    )


def give_up(connection: Connection, parcel: Parcel, error: str, now: float) -> None:
    """Dead: never to be sent."""
    _set(connection, and_(_is(parcel), _UNSENT), **_ended("dead", now, error))


def receipt(connection: Connection, card_id: str, receiver: str) -> Receipt | None:
    """A card's address in one channel."""
    row = connection.execute(
        select(receipts.c.channel, receipts.c.ts).where(
            receipts.c.card_id == card_id, receipts.c.receiver == receiver
        )
    ).first()
    return Receipt(row.channel, row.ts) if row else None


def forget_receipt(connection: Connection, card_id: str, receiver: str) -> None:
    """The card is no longer there (somebody deleted it): the next post is its first."""
    connection.execute(
        receipts.delete().where(
            receipts.c.card_id == card_id, receipts.c.receiver == receiver
        )
    )


def backlog(connection: Connection, now: float) -> tuple[int, float]:
    """How many are unsent, and the age in seconds of the oldest (0 = none)."""
    count, oldest = connection.execute(
        select(func.count(), func.min(outbox.c.at)).where(_UNSENT)
    ).one()
    return count, max(0.0, now - oldest) if count else 0.0


def _is(parcel: Parcel) -> ColumnElement[bool]:
    # Not by id alone: after a rebirth of the file an id may be another message's.
    return and_(
        outbox.c.message_id == parcel.message.id, outbox.c.receiver == parcel.receiver
    )


def _ended(state: str, now: float, error: str = "") -> dict[str, Any]:
    return {"state": state, "ended_at": now, "error": error[:_LONGEST_ERROR]}


def _set(connection: Connection, where: ColumnElement[bool], **values: Any) -> int:
    return connection.execute(update(outbox).where(where).values(**values)).rowcount


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        id=row.id,
        receiver=row.receiver,
        message=bodies.load(Message, row.body),
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        error=row.error,
    )
