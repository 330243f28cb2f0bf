"""Which address of an HA pair is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence


class Endpoints:
    """Ordered failover: stay with what works, and look again after the first.

    `retry_first_seconds`: how long after a failure the first may be tried again.
    """

    def __init__(self, urls: Sequence[str], retry_first_seconds: float) -> None:
        self.urls = tuple(urls)
        self._retry_first_seconds = retry_first_seconds
        self._lock = threading.Lock()
        self._index = 0
        self._left_first_at = 0.0

    @property
    def current(self) -> str:
        """The address to ask."""
        return self.urls[self._index]

    @property
    def alone(self) -> bool:
        """Whether there is no other address."""
        return len(self.urls) == 1

    def failed(self, url: str) -> bool:
        """Move on from `url`, unless a thread has already; whether there is another."""
        with self._lock:
            if self.urls[self._index] == url and not self.alone:
                self._left(self._index)
                self._index = (self._index + 1) % len(self.urls)
        return not self.alone

    def _left(self, index: int) -> None:
        if index == 0:
            self._left_first_at = time.monotonic()

    @property
    def first_is_due(self) -> bool:
        """Whether it is time to see if the first is back."""
        waited = time.monotonic() - self._left_first_at
        return self._index != 0 and waited >= self._retry_first_seconds

    def first_tried(self, *, works: bool) -> None:
        """Note how a try of the first went."""
        with self._lock:
            self._left_first_at = time.monotonic()
            if works:
                self._index = 0
