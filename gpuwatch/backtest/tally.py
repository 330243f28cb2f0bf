"""Counting: messages that would have been sent, and what could be seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpuwatch.backtest.outcome import NOTHING_SAID, Traffic
from gpuwatch.engine.engine import Coverage
from gpuwatch.model.message import Message, MessageKind


class Tally:
    """Sums over a whole run.

    A rule was blind only where it never saw; it failed if it ever raised.
    """

    def __init__(self) -> None:
        self.traffic: dict[str, Traffic] = {}
        self.unread: dict[str, str] = {}
        self._posted: set[str] = set()
        self._missing: Mapping[str, tuple[str, ...]] | None = None
        self._failed: dict[str, str] = {}
        self._known: dict[str, int] = {}
        self._firing: dict[str, int] = {}

    def count(self, messages: Iterable[Message]) -> None:
        """Messages in the order in which they would have been sent."""
        for message in messages:
            owner = _owner(message)
            before = self.traffic.get(owner, NOTHING_SAID)
            self.traffic[owner] = before + self._kind(message)

    def _kind(self, message: Message) -> Traffic:
        pages = int(message.mention)
        if message.kind is MessageKind.NOTE:
            return Traffic(notes=1, broadcasts=int(message.broadcast), pages=pages)
        if message.card_id in self._posted:
            return Traffic(edits=1)
        self._posted.add(message.card_id)
        return Traffic(posts=1, pages=pages)

    def see(self, coverage: Coverage, unread: Mapping[str, str]) -> None:
        """What one step could and could not see."""
        self.unread.update(unread)
        self._failed.update(coverage.failed)
        before = coverage.missing if self._missing is None else self._missing
        self._missing = {k: v for k, v in coverage.missing.items() if k in before}
        _raise(self._known, coverage.known)
        _raise(self._firing, coverage.firing)

    @property
    def coverage(self) -> Coverage:
        """Of the whole run."""
        missing = self._missing or {}
        return Coverage(missing, dict(self._failed), self._known, self._firing)


def _owner(message: Message) -> str:
    """The incident that a message counts for: of a shared card the first."""
    ids = message.incident_ids
    return message.card_id if message.card_id in ids or not ids else ids[0]


def _raise(most: dict[str, int], now: Mapping[str, int]) -> None:
    for name, count in now.items():
        if count > most.get(name, -1):
            most[name] = count
