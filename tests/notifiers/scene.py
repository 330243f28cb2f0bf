"""A store, a Slack and a delivery between them, with a clock in the test's hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gpuwatch.delivery import Delivery
from gpuwatch.engine.step import Step
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.message import Message, Receipt
from gpuwatch.notifiers.slack import SlackNotifier
from gpuwatch.ports import Notifier, Parcel
from gpuwatch.store import SqlStore, open_store
from gpuwatch.testing import FakeSlack
from tests.notifiers.messages import AT

if TYPE_CHECKING:
    from collections.abc import Iterator


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self, now: float = AT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Scene:
    """One daemon's delivery; `restart` is what a kill -9 leaves to the next."""

    def __init__(
        self,
        folder: Path,
        slack: FakeSlack,
        notifiers: Mapping[str, Notifier] | None = None,
    ) -> None:
        self.path = folder / "gpuwatch.db"
        self.slack, self.clock = slack, Clock()
        self.notifiers = notifiers or {"slack": self.slack_notifier()}
        self.store = self._open()
        self.delivery = Delivery(self.store, self.notifiers, self.clock)

    def slack_notifier(self, timeout_seconds: float = 0.3) -> SlackNotifier:
        return SlackNotifier(
            self.slack.token,
            "#gpu-alerts",
            self.slack.url,
            timeout_seconds=timeout_seconds,
        )

    def _open(self) -> SqlStore:
        return open_store(
            f"sqlite:///{self.path}", create=True, busy_timeout_seconds=0.1
        )

    def commit(self, *messages: Message, receivers: Sequence[str] = ()) -> None:
        step = Step("h100", self.clock(), messages=messages)
        self.store.commit(step, Fleet("h100"), receivers or list(self.notifiers))

    def only(self) -> Parcel:
        (parcel,) = self.store.due(self.clock(), 100)
        return parcel

    def run(self, seconds: float = 0.0) -> int:
        """One turn, so much later."""
        self.clock.now += seconds
        return self.delivery.run_once()

    def drain(self, most_seconds: int = 120) -> int:
        """A turn a second until nothing waits; how many seconds that took."""
        for second in range(most_seconds):
            self.run()
            if not self.store.backlog(self.clock())[0]:
                return second
            self.clock.now += 1
        raise AssertionError(f"still waiting after {most_seconds} s")

    def restart(self) -> None:
        self.store.close()
        self.store = self._open()
        self.notifiers = {"slack": self.slack_notifier()}
        self.delivery = Delivery(self.store, self.notifiers, self.clock)

    def calls(self, method: str) -> int:
        return len(self.slack.calls_of(method))

    def said(self) -> list[str]:
        return [message.text for message in self.slack.messages]

    def receipt(self, card_id: str = "i1") -> Receipt | None:
        return self.store.receipt(card_id, "slack")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The database refuses every writer meanwhile."""
        lock = Lock(self.path)
        lock.take()
        try:
            yield
        finally:
            lock.release()


class Lock:
    """Somebody else's write lock on the database file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )

    def take(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()
