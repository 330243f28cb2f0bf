"""One receiver's gate: when it may be spoken to again, and how it fares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpuwatch.delivery.clock import backoff_seconds
from gpuwatch.errors import NotifyError

PARK_SECONDS = 300.0  # a revoked token is tried again, but not hammered
PACE_SECONDS = 1.0  # Slack: about one message a second a channel
FAILING_AFTER = 5  # failures in a row that are no hiccup any more


@dataclass(frozen=True)
class Stats:
    """What /metrics tells of delivery; the mappings are by receiver."""

    sent: Mapping[str, int]
    failed: Mapping[str, int]
    retried: Mapping[str, int]
    given_up: Mapping[str, int]
    failing: Mapping[str, str]
    waiting: int
    oldest_age_seconds: float
    store_error: str


@dataclass
class Gate:
    """Closed by pacing, by Retry-After, by back-off and by a broken setting."""

    pace_seconds: float = PACE_SECONDS
    closed_at: float = 0.0
    opens_at: float = 0.0
    failures: int = 0
    failing: str = ""
    sent: int = 0
    failed: int = 0
    retried: int = 0
    given_up: int = 0

    def is_open(self, now: float) -> bool:
        """Whether a message may go; a clock that was set back opens it too."""
        return not self.closed_at <= now < self.opens_at

    def passed(self, now: float) -> None:
        """A message went through."""
        self.sent += 1
        self.failures, self.failing = 0, ""
        self.close(now, self.pace_seconds)

    def refused(self, now: float, error: NotifyError, attempt: int) -> float:
        """A message did not go through; seconds until it may be tried again.

        A message's own back-off grows with its attempts, the receiver's with its
        failures in a row, so that one bad message does not hold up the others.
        """
        self.failed += 1
        self.retried += not error.permanent
        self.failures += 1
        if error.configuration or error.permanent or self.failures >= FAILING_AFTER:
            self.failing = error.reason
        if error.permanent:
            self.close(now, self.pace_seconds)
            return 0.0
        asked = PARK_SECONDS if error.configuration else error.retry_after_seconds
        self.close(now, backoff_seconds(self.failures) if asked is None else asked)
        return backoff_seconds(attempt) if asked is None else asked

    def close(self, now: float, seconds: float) -> None:
        """Nothing goes out until then."""
        still = self.opens_at if not self.is_open(now) else now
        self.closed_at, self.opens_at = now, max(still, now + seconds)
