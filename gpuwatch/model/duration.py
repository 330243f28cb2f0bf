"""Durations as Prometheus writes them (`15s`, `5m`, `1h30m`), kept in seconds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator

_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def parse_duration(text: object) -> float:
    """Seconds; a bare number is taken as seconds; ValueError says what to write."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    word = str(text).strip()
    parts = _PART.findall(word)
    if not parts or "".join(n + u for n, u in parts) != word:
        raise ValueError(f"{word!r} is not a duration; write it like 15s, 5m or 1h30m")
    return float(sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts))


def spell_duration(seconds: float) -> str:
    """As configuration writes it, to the millisecond: `15s`, `1m30s`, `180d`."""
    left = round(seconds * 1000)
    words = ""
    for unit in ("d", "h", "m", "s", "ms"):
        size = round(_UNIT_SECONDS[unit] * 1000)
        number, left = divmod(left, size)
        words += f"{number}{unit}" if number else ""
    return words or "0s"


def say_duration(seconds: float) -> str:
    """For people: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{round(whole / 60)} min"
    if whole < 172_800:
        return _two(whole // 3600, "h", (whole % 3600) // 60, "min")
    return _two(whole // 86_400, "d", (whole % 86_400) // 3600, "h")


def _two(major: int, major_unit: str, minor: int, minor_unit: str) -> str:
    tail = f" {minor} {minor_unit}" if minor else ""
    return f"{major} {major_unit}{tail}"


Seconds = Annotated[float, BeforeValidator(parse_duration)]
