"""Waiting on conditions, with generous deadlines."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LONG_SECONDS = 60.0
_POLL_SECONDS = 0.1


def eventually(
    what: str, look: Callable[[], T | None], within_seconds: float = LONG_SECONDS
) -> T:
    """What `look` gives as soon as it is truthy; AssertionError names `what`."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(_POLL_SECONDS)
    raise AssertionError(f"not within {within_seconds:g} s: {what}")
