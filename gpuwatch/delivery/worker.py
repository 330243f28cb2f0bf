"""The outbox emptied: in order, paced, at least once, and doubled only in doubt."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from gpuwatch.delivery.attempt import is_said
from gpuwatch.delivery.clock import SteadyClock
from gpuwatch.delivery.gate import Gate, Stats
from gpuwatch.delivery.outbox import Delivered, Outbox
from gpuwatch.delivery.sender import Clock, Refused, Sender
from gpuwatch.delivery.urgent import Urgent
from gpuwatch.errors import StoreError, guarded
from gpuwatch.model.message import Message, MessageKind, Reason, Receipt
from gpuwatch.ports import Notifier, Parcel

BATCH = 100
STORE_PAUSE_SECONDS = 5.0
IDLE_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.05
ORPHAN_SECONDS = 86_400.0  # messages to a receiver that was taken out of the settings
_NOWHERE = Receipt("", "")
_log = logging.getLogger(__name__)


class Delivery:
    """Sends what the store holds, from one thread.

    `failing`: receivers that do not get through, and why, for an incident of our own.
    """

    def __init__(
        self,
        store: Outbox,
        notifiers: Mapping[str, Notifier],
        clock: Clock | None = None,
    ) -> None:
        self._store, self._clock = store, clock or SteadyClock()
        self._sender = Sender(notifiers)
        self._delivered, self._urgent = Delivered(store), Urgent(self._sender)
        self._store_gate = Gate()
        self._backlog = (0, 0.0, 0.0)
        self._orphans: frozenset[str] = frozenset()
        self._stopping, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def failing(self) -> Mapping[str, str]:
        """Reasons by receiver; a receiver leaves when a message gets through."""
        gone = dict.fromkeys(self._orphans, "not in the settings; its messages wait")
        return gone | self._sender.failing()

    def stats(self) -> Stats:
        """The counters since the start, and the backlog of the last look."""
        waiting, age, at = self._backlog
        return Stats(
            sent=self._sender.count("sent"),
            failed=self._sender.count("failed"),
            retried=self._sender.count("retried"),
            given_up=self._sender.count("given_up"),
            failing=self.failing,
            waiting=waiting + self._urgent.waiting,
            oldest_age_seconds=age + max(0.0, self._clock() - at) if waiting else 0.0,
            store_error=self._store_gate.failing,
        )

    def direct(self, message: Message) -> None:
        """Send past the store, which is broken; once for each id in this process.

        Returns at once. Marked "may repeat"; when the store gets the message after
        all, the card is edited instead of posted again.
        """
        self._urgent.cry(message)
        self.wake()

    def start(self) -> None:
        """Begin to deliver."""
        self._thread = threading.Thread(target=self._loop, name="delivery", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Look now: something was committed."""
        self._wake.set()

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """End after the message under way; whether that worked in time.

        What is left stays in the store; one under way is looked for at the next start.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def run_once(self, now: float | None = None) -> int:
        """All that may go now; how many attempts were made.

        `now` stands for the clock during this turn.
        """
        clock = self._clock if now is None else (lambda: now)
        done = 0
        while not self._stopping.is_set() and (more := self._urgent.cry_out(clock)):
            done += more
        if not self._store_gate.is_open(clock()):
            return done
        try:
            done += self._empty(clock)
            self._backlog = (*self._store.backlog(clock()), clock())
        except StoreError as error:
            self._pause_for_store(error, clock())
        else:
            self._store_gate.failing = ""
        return done

    def _empty(self, clock: Clock) -> int:
        done = 0
        self._delivered.write(clock())
        while not self._stopping.is_set():
            parcels = self._ready(clock())
            if not parcels:
                break
            done += sum(self._deliver(parcel, clock) for parcel in parcels)
        return done

    def _ready(self, now: float) -> Sequence[Parcel]:
        """For each open receiver the parcel that matters most.

        Looks further when closed receivers fill the whole batch.
        """
        limit = BATCH
        while True:
            parcels = self._store.due(now, limit)
            first: dict[str, Parcel] = {}
            for parcel in sorted(parcels, key=_urgency):
                if self._may_go(parcel, now):
                    first.setdefault(parcel.receiver, parcel)
            if first or len(parcels) < limit:
                known = self._sender.gates
                self._orphans = frozenset(p.receiver for p in parcels) - known.keys()
                return list(first.values())
            limit *= 4

    def _may_go(self, parcel: Parcel, now: float) -> bool:
        if parcel.receiver in self._sender.gates:
            return self._sender.is_open(parcel.receiver, now)
        return now - parcel.message.at > ORPHAN_SECONDS

    def _deliver(self, parcel: Parcel, clock: Clock) -> int:
        """Attempts made: one or none."""
        notifier = self._sender.notifiers.get(parcel.receiver)
        if self._stopping.is_set():
            return 0
        if notifier is None:
            self._give_up(parcel, "no such receiver in the settings", clock())
            return 0
        message = parcel.message
        told = self._urgent.taken_over(message.id, parcel.receiver)
        only_posts = message.kind is MessageKind.NOTE or not notifier.edits
        previous = self._previous(message, parcel.receiver)
        if (told and only_posts) or is_said(notifier, message, previous):
            self._delivered.note(parcel, previous or _NOWHERE, previous, clock())
            return 0
        self._send(parcel, previous, clock)
        return 1

    def _previous(self, message: Message, receiver: str) -> Receipt | None:
        noted = self._store.receipt(message.card_id, receiver)
        return noted or self._urgent.receipt(message.card_id, receiver)

    def _send(self, parcel: Parcel, previous: Receipt | None, clock: Clock) -> None:
        self._store.sending(parcel, clock())
        answer = self._sender.send(
            parcel.receiver,
            parcel.message,
            previous,
            clock,
            doubt=parcel.state == "sending",
            tries=parcel.attempts,
        )
        if isinstance(answer, Refused):
            self._refused(parcel, answer, clock())
            return
        self._urgent.posted(parcel.message, parcel.receiver, answer)
        self._delivered.note(parcel, answer, previous, clock())

    def _refused(self, parcel: Parcel, refused: Refused, now: float) -> None:
        error = refused.error
        if error.permanent:
            self._sender.gates[parcel.receiver].given_up += 1
            self._give_up(parcel, error.reason, now)
            return
        self._store.postpone(
            parcel, refused.due_at, error.reason, unsure=error.ambiguous
        )

    def _give_up(self, parcel: Parcel, why: str, now: float) -> None:
        name, receiver = parcel.message.id, parcel.receiver
        _log.error("message %s to %s is given up: %s", name, receiver, why)
        self._store.give_up(parcel, why, now)

    def _pause_for_store(self, error: StoreError, now: float) -> None:
        if not self._store_gate.failing:
            _log.error("delivery waits for the store: %s", error.reason)
        self._store_gate.failing = error.reason
        self._store_gate.close(now, STORE_PAUSE_SECONDS)

    def _loop(self) -> None:
        while not self._stopping.is_set():
            with guarded("delivery", _report):
                self.run_once()
            self._wake.wait(self._wait_seconds())
            self._wake.clear()

    def _wait_seconds(self) -> float:
        """Until the next gate opens, at most a second."""
        now = self._clock()
        opening = [gate.opens_at - now for gate in self._sender.gates.values()]
        return min([IDLE_SECONDS, *(s for s in opening if s > SHORTEST_WAIT_SECONDS)])


def _urgency(parcel: Parcel) -> tuple[bool, int, int]:
    """News before refreshed numbers, the worst first, then in their order."""
    message = parcel.message
    return message.reason is Reason.UPDATE, -message.severity, parcel.id


def _report(what: str, error: Exception) -> None:
    _log.error("%s failed", what, exc_info=error)
