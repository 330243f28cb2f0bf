"""Critical news that goes out past a broken store, from memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TypeVar

from gpuwatch.delivery.sender import Clock, Refused, Sender
from gpuwatch.model.message import Message, MessageKind, Receipt

REMEMBERED = 2_000
K = TypeVar("K")
V = TypeVar("V")


@dataclass(eq=False)
class Cry:
    """One message on its way to one receiver without a store."""

    receiver: str
    message: Message
    tries: int = 0
    due_at: float = 0.0
    doubt: bool = False


class Urgent:
    """What waits to be cried out, what has been, and where cards are posted.

    `cry` may be called from any thread, the rest from delivery's only.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._calls: SimpleQueue[Message] = SimpleQueue()
        self._waiting: list[Cry] = []
        self._ids: dict[str, None] = {}
        self._said: dict[tuple[str, str], None] = {}
        self._posted: dict[tuple[str, str], Receipt] = {}

    def cry(self, message: Message) -> None:
        """Take it up."""
        self._calls.put(message)

    @property
    def waiting(self) -> int:
        """How many are not out yet."""
        return len(self._waiting) + self._calls.qsize()

    def cry_out(self, clock: Clock) -> int:
        """Send what may go now; how many attempts were made."""
        while not self._calls.empty():
            self._take_up(self._calls.get())
        done = 0
        for cry in tuple(self._waiting):
            ready = cry.due_at <= clock()
            if ready and self._sender.is_open(cry.receiver, clock()):
                self._send(cry, clock)
                done += 1
        return done

    def taken_over(self, message_id: str, receiver: str) -> bool:
        """The store has the message now; whether it has been cried out."""
        here = (receiver, message_id)
        self._waiting = [c for c in self._waiting if (c.receiver, c.message.id) != here]
        return here in self._said

    def posted(self, message: Message, receiver: str, receipt: Receipt) -> None:
        """Remember where a card is."""
        if message.kind is MessageKind.CARD:
            _remember(self._posted, (message.card_id, receiver), receipt)

    def receipt(self, card_id: str, receiver: str) -> Receipt | None:
        """Where a card is, as far as this process knows."""
        return self._posted.get((card_id, receiver))

    def _take_up(self, message: Message) -> None:
        if message.id not in self._ids:
            _remember(self._ids, message.id, None)
            self._waiting += [Cry(name, message) for name in self._sender.gates]

    def _send(self, cry: Cry, clock: Clock) -> None:
        message = cry.message
        answer = self._sender.send(
            cry.receiver,
            marked(message),
            self.receipt(message.card_id, cry.receiver),
            clock,
            doubt=cry.doubt,
            tries=cry.tries,
        )
        if isinstance(answer, Receipt):
            self._waiting.remove(cry)
            _remember(self._said, (cry.receiver, message.id), None)
            self.posted(message, cry.receiver, answer)
        else:
            self._put_off(cry, answer)

    def _put_off(self, cry: Cry, refused: Refused) -> None:
        cry.tries, cry.due_at = cry.tries + 1, refused.due_at
        cry.doubt = refused.error.ambiguous
        if refused.error.permanent:
            self._waiting.remove(cry)


def marked(message: Message) -> Message:
    """The message as it goes out while the memory is broken."""
    remark = "Sent while gpuwatch's memory is broken: may repeat."
    card = message.card
    told = card and replace(card, lines=(*card.lines, remark))
    return replace(message, text=f"{message.text} ({remark})", card=told)


def _remember(memory: dict[K, V], key: K, value: V) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
