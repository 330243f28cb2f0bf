"""Times on the command line, and in the answer to it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gpuwatch.errors import ConfigError
from gpuwatch.model.duration import parse_duration, say_duration

LONGEST_SECONDS = 100 * 365 * 86_400.0
_UNIX = re.compile(r"\d+(\.\d+)?")


def parse_time(option: str, text: str) -> float:
    """Unix seconds from ISO 8601 or Unix seconds; ConfigError names the option.

    A time without a zone is UTC, as all times that gpuwatch prints.
    """
    try:
        found = _moment(text.strip())
    except (ValueError, OverflowError, OSError):
        remedy = "write it like 2026-11-24T18:00Z, or in Unix seconds"
        raise ConfigError(option, f"{text!r} is no time", remedy) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def parse_moment(option: str, text: str, now: float) -> float:
    """The same, or `now`, or so long before it: `-24h`, `now-24h`."""
    word = text.strip().lower()
    if word == "now":
        return now
    back = word.removeprefix("now")
    if back.startswith("-") and back != word[1:]:
        return now - parse_span(option, back[1:])
    return parse_time(option, text)


def _moment(text: str) -> datetime:
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text)


def parse_span(option: str, text: str) -> float:
    """Seconds from a duration above zero; ConfigError names the option."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise ConfigError(option, problem, remedy) from None
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ConfigError(option, f"{text!r} is out of reach", "write it like 4h")
    return seconds


def instant(text: str | None) -> float | None:
    """Unix seconds of a time as the API writes it."""
    return datetime.fromisoformat(text).timestamp() if text else None


def ago(text: str | None, now: float) -> str:
    """How long ago that was, or nothing."""
    at = instant(text)
    return "" if at is None else f"{say_duration(now - at)} ago"
