"""Time that never steps back, and how long to wait before trying again."""

from __future__ import annotations

import random
import time

FIRST_BACKOFF_SECONDS = 2.0
MOST_BACKOFF_SECONDS = 300.0


class SteadyClock:
    """Unix seconds that keep running when the wall clock is set back.

    Else a correction by an hour would hold every postponed message for that hour.
    A forward correction is followed at once.
    """

    def __init__(self) -> None:
        self._last, self._ticks = time.time(), time.monotonic()

    def __call__(self) -> float:
        """Now."""
        ticks = time.monotonic()
        self._last = max(time.time(), self._last + ticks - self._ticks)
        self._ticks = ticks
        return self._last


def backoff_seconds(failures: int) -> float:
    """2 s after the first failure, doubled up to 5 min, with a jitter of a fifth."""
    doubled = FIRST_BACKOFF_SECONDS * 2.0 ** min(max(failures, 1) - 1, 10)
    jitter = random.uniform(0.8, 1.0)  # noqa: S311  spreads retries, keeps no secret
    return min(MOST_BACKOFF_SECONDS, doubled) * jitter
