"""Times on the command line, and in the answer to it."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from gpuwatch.errors import ConfigError
from gpuwatch.model.duration import parse_duration, say_duration

_UNIX = re.compile(r"\d+(\.\d+)?")


def parse_time(option: str, text: str) -> float:
    """Unix seconds from ISO 8601 or Unix seconds; ConfigError names the option.

    A time without a zone is UTC, as all times that gpuwatch prints.
    """
    if _UNIX.fullmatch(text.strip()):
        return float(text)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        remedy = "write it like 2026-11-24T18:00Z, or in Unix seconds"
        raise ConfigError(option, f"{text!r} is no time", remedy) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def parse_span(option: str, text: str) -> float:
    """Seconds from a duration above zero; ConfigError names the option."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise ConfigError(option, problem, remedy) from None
    if not 0 < seconds < math.inf:
        raise ConfigError(option, f"{text!r} is no time at all", "write it like 4h")
    return seconds


def instant(text: str | None) -> float | None:
    """Unix seconds of a time as the API writes it."""
    return datetime.fromisoformat(text).timestamp() if text else None


def ago(text: str | None, now: float) -> str:
    """How long ago that was, or nothing."""
    at = instant(text)
    return "" if at is None else f"{say_duration(now - at)} ago"
