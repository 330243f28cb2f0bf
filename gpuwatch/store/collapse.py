"""Which queued card edits are still worth sending. Pure.

The rule, for the unsent parcels of one card to one receiver:

- Notes are never touched: each is said, in its order.
- A parcel in `sending` is never touched: the channel may have it already, as it is.
- Of the card parcels that are left only the oldest stays, with its id, its place before
  the notes, its attempts and its due time, and it says what the newest would have said.
  So a first card that could not be sent is still posted once, under its own id, with
  the newest content, and the notes after it.
- Its reason is FIRST if that is among them, else the newest one that speaks (all but
  UPDATE and REMINDER), else the newest: a channel without edits must still post it.
- It mentions, broadcasts and is urgent if any of them was, with their worst severity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpuwatch.model.message import Message, MessageKind, Reason
from gpuwatch.ports import Parcel

_SILENT = (Reason.UPDATE, Reason.REMINDER)


@dataclass(frozen=True)
class Collapsed:
    """One card parcel that speaks for others too, and the ids of those."""

    parcel: Parcel
    superseded: tuple[int, ...]


def collapse(queue: Sequence[Parcel]) -> Collapsed | None:
    """Judge one card's unsent parcels to one receiver, oldest first.

    None: there is nothing to collapse.
    """
    cards = [parcel for parcel in queue if _may_collapse(parcel)]
    if len(cards) < 2:
        return None
    oldest, *later = cards
    message = _merged([parcel.message for parcel in cards])
    superseded = tuple(parcel.id for parcel in later)
    return Collapsed(replace(oldest, message=message), superseded)


def _may_collapse(parcel: Parcel) -> bool:
    return parcel.state == "queued" and parcel.message.kind is MessageKind.CARD


def _merged(messages: Sequence[Message]) -> Message:
    return replace(
        messages[-1],
        id=messages[0].id,
        reason=_reason([message.reason for message in messages]),
        severity=max(message.severity for message in messages),
        broadcast=any(message.broadcast for message in messages),
        mention=any(message.mention for message in messages),
        urgent=any(message.urgent for message in messages),
    )


def _reason(reasons: Sequence[Reason]) -> Reason:
    if Reason.FIRST in reasons:
        return Reason.FIRST
    speaking = [reason for reason in reasons if reason not in _SILENT]
    return (speaking or reasons)[-1]
