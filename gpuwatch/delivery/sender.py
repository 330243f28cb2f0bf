"""The receivers: who they are, when they may be spoken to, and how they fare."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gpuwatch.delivery.attempt import attempt
from gpuwatch.delivery.gate import PACE_SECONDS, Gate
from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Message, Receipt
from gpuwatch.ports import Notifier

Clock = Callable[[], float]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refused:
    """A message that did not go through, and when it may be tried again."""

    error: NotifyError
    due_at: float


class Sender:
    """Every notifier behind its gate, which it may set with `pace_seconds`."""

    def __init__(self, notifiers: Mapping[str, Notifier]) -> None:
        self.notifiers = dict(notifiers)
        self.gates = {
            receiver: Gate(getattr(notifier, "pace_seconds", PACE_SECONDS))
            for receiver, notifier in notifiers.items()
        }

    def is_open(self, receiver: str, now: float) -> bool:
        """Whether something may be sent to this receiver now."""
        return receiver in self.gates and self.gates[receiver].is_open(now)

    def send(
        self,
        receiver: str,
        message: Message,
        previous: Receipt | None,
        clock: Clock,
        *,
        doubt: bool,
        tries: int,
    ) -> Receipt | Refused:
        """Send it and let the gate know how it went."""
        notifier, gate = self.notifiers[receiver], self.gates[receiver]
        before = gate.failing
        answer = attempt(notifier, message, previous, doubt=doubt, tries=tries)
        if isinstance(answer, NotifyError):
            due_at = clock() + gate.refused(clock(), answer, tries + 1)
            if gate.failing != before:
                _log.error("no message gets to %s: %s", receiver, answer.reason)
            return Refused(answer, due_at)
        gate.passed(clock())
        if before:
            _log.warning("messages get to %s again", receiver)
        return answer

    def count(self, what: str) -> dict[str, int]:
        """One counter of every gate."""
        return {receiver: getattr(gate, what) for receiver, gate in self.gates.items()}

    def failing(self) -> dict[str, str]:
        """Which receivers fail, and why."""
        return {name: gate.failing for name, gate in self.gates.items() if gate.failing}
