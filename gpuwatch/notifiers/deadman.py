"""The dead man's switch: somebody outside notices when gpuwatch falls silent.

Speaks to healthchecks.io and its kin: GET on the URL is "all is well", POST on
`/fail` with a reason is "known to be bad", silence is the signal.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import requests

SPACING_SECONDS = 12.0  # healthchecks.io may limit more than 5 pings a minute
REASON_CHARS = 10_000
_log = logging.getLogger(__name__)


class Ping(NamedTuple):
    """One thing to tell: well, or bad and why."""

    well: bool
    reason: str = ""


class DeadMan:
    """Pings from a thread of its own, so that a stuck ping never delays a cycle.

    `url` is a secret and never appears in a log. `failures`: pings in a row that did
    not get through.
    """

    def __init__(
        self,
        url: str,
        interval_seconds: float = 60.0,
        timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._timeout_seconds = url, timeout_seconds
        self._interval_seconds = max(interval_seconds, SPACING_SECONDS)
        self._clock = clock
        self._lock = threading.Condition()
        self._waiting: Ping | None = None
        self._told: tuple[float, Ping] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.failures = 0

    def start(self) -> None:
        """Begin to ping."""
        self._thread = threading.Thread(target=self._loop, name="deadman", daemon=True)
        self._thread.start()

    def stop(self, timeout_seconds: float = 5.0) -> bool:
        """End without a last word: a planned stop is to be noticed too."""
        with self._lock:
            self._stopping = True
            self._lock.notify_all()
        if self._thread is None:
            return True
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def good(self) -> None:
        """After each full good cycle; returns at once."""
        self._tell(Ping(well=True))

    def bad(self, reason: str) -> None:
        """After a cycle that is known to be bad; returns at once."""
        self._tell(Ping(well=False, reason=reason[:REASON_CHARS]))

    def due_seconds(self, ping: Ping) -> float:
        """How long until such a ping may go."""
        if self._told is None:
            return 0.0
        at, before = self._told
        same = before.well == ping.well and not self.failures
        spacing = self._interval_seconds if same else SPACING_SECONDS
        return max(0.0, at + spacing - self._clock())

    def ping_once(self) -> bool:
        """Send the waiting ping if it is due; whether one went out."""
        with self._lock:
            ping = self._waiting
            if ping is None or self.due_seconds(ping) > 0:
                return False
            self._told, self._waiting = (self._clock(), ping), None
        trouble = self._send(ping)
        if trouble and not self.failures:
            _log.warning("the dead man's switch does not answer (%s)", trouble)
        self.failures = self.failures + 1 if trouble else 0
        return True

    def _tell(self, ping: Ping) -> None:
        """Bad news waits for its turn; good news that is early is dropped.

        A kept "all is well" would go out after the cycle that meant it had hung.
        """
        with self._lock:
            early = ping.well and self.due_seconds(ping) > 0
            self._waiting = None if early else ping
            self._lock.notify_all()

    def _loop(self) -> None:
        while not self._stopping:
            self.ping_once()
            with self._lock:
                if not self._stopping:
                    ping = self._waiting
                    self._lock.wait(self.due_seconds(ping) if ping else None)

    def _send(self, ping: Ping) -> str:
        """What went wrong; empty if nothing."""
        url = self._url if ping.well else _fail_url(self._url)
        method = "GET" if ping.well else "POST"
        body = ping.reason.encode() or None
        try:
            answer = requests.request(
                method, url, data=body, timeout=self._timeout_seconds
            )
        except requests.RequestException as error:
            return type(error).__name__
        return "" if answer.ok else f"HTTP {answer.status_code}"


def _fail_url(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))
