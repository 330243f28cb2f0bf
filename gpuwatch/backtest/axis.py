"""Where an axis has its ticks, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
TIME_STEPS = (
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
    DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 91 * DAY, 364 * DAY,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tick:
    """One mark: where on the axis, and its label."""

    at: float
    label: str


def nice_step(span: float, most: int) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that needs <= `most` steps."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    factors = (1.0, 2.0, 2.5, 5.0, 10.0)
    return next(power * f for f in factors if power * f >= raw * (1 - 1e-9))


def value_ticks(low: float, high: float, most: int = 4) -> Sequence[Tick]:
    """Round values inside [low, high], thousands set apart."""
    step = nice_step(high - low, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = next(d for d in range(9) if d == 8 or _is_whole(step * 10**d))
    values = (n * step for n in range(first, last + 1))
    return [Tick(v, f"{v:,.{digits}f}".replace(",", "\u2009")) for v in values]


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6 * number


def time_ticks(start: float, end: float, most: int = 4) -> Sequence[Tick]:
    """Round times (UTC) inside [start, end]: `06:30`, at midnight `24 Nov`."""
    span = end - start
    step = next((s for s in TIME_STEPS if s * most >= span), TIME_STEPS[-1])
    first, last = math.ceil(start / step), math.floor(end / step)
    stride = math.ceil((last - first + 1) / (most + 1)) or 1
    times = (n * step for n in range(first, last + 1, stride))
    return [Tick(at, _moment(at)) for at in times]


def _moment(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    midnight = at % DAY == 0
    return when.strftime("%d %b" if midnight else "%H:%M")


def padded(low: float, high: float, least_span: float) -> tuple[float, float]:
    """The limits with some air; a flat line in the middle of `least_span`."""
    span = max(high - low, least_span)
    middle = (low + high) / 2
    return middle - span * 0.54, middle + span * 0.54
