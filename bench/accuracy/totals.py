"""Sums over many scenarios: recall, precision, delays, false-alarm rate and bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.accuracy.matching import Found, Result

CONFIDENCE = 0.95
NAN = float("nan")


@dataclass(frozen=True)
class Quality:
    """How well one detector found a set of events.

    Args:
        events, found, false: counts; `false` are alerts that blame somebody wrongly.
        seconds, samples: (p50, p95) of the delays of those that were found.
        node_right, gpu_right: shares of the events told in time whose first alert
            named the right one; NaN = none was told or none has a culprit.
        alerts, messages: per found event.
    """

    events: int = 0
    found: int = 0
    false: int = 0
    seconds: tuple[float, float] = (NAN, NAN)
    samples: tuple[float, float] = (NAN, NAN)
    node_right: float = NAN
    gpu_right: float = NAN
    alerts: float = NAN
    messages: float = NAN
    victims: int = 0

    @property
    def recall(self) -> float:
        """Of the events, the share that was found."""
        return self.found / self.events if self.events else NAN

    @property
    def precision(self) -> float:
        """Of the events found and the false alerts, the former's share."""
        told = self.found + self.false
        return self.found / told if told else NAN

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        all_of_it = self.events + self.found + self.false
        return 2 * self.found / all_of_it if all_of_it else NAN


@dataclass(frozen=True)
class Calm:
    """False alarms in fault-free time."""

    alarms: int
    gpu_days: float

    @property
    def per_thousand(self) -> float:
        """Per 1000 GPU-days."""
        return 1000 * self.alarms / self.gpu_days if self.gpu_days else NAN

    @property
    def bound(self) -> float:
        """The upper end of the one-sided 95 % interval of that rate."""
        if not self.gpu_days:
            return NAN
        return 1000 * poisson_bound(self.alarms) / self.gpu_days


def quality(
    results: Iterable[Result], wanted: Callable[[Result, Found], bool] | None = None
) -> Quality:
    """Of all events, or of those wanted; false alerts of the scenarios they are in.

    Scenarios without an event count only where everything is wanted.
    """
    events: list[Found] = []
    false = victims = 0
    for result in results:
        mine = [e for e in result.events if wanted is None or wanted(result, e)]
        if mine or wanted is None:
            events += mine
            false += len(result.false_alerts)
            victims += result.victims
    return _quality(events, false, victims)


def _quality(events: Sequence[Found], false: int, victims: int) -> Quality:
    found = [e for e in events if e.delay_seconds is not None]
    return Quality(
        events=len(events),
        found=len(found),
        false=false,
        seconds=halfway(
            [e.delay_seconds for e in found if e.delay_seconds is not None]
        ),
        samples=halfway(
            [e.delay_samples for e in found if e.delay_samples is not None]
        ),
        node_right=_share([e.node_named for e in events]),
        gpu_right=_share([e.gpu_named for e in events]),
        alerts=_mean([e.alerts for e in found]),
        messages=_mean([e.messages for e in found]),
        victims=victims,
    )


def calm(results: Iterable[Result]) -> Calm:
    """All fault-free time there was."""
    known = list(results)
    alarms = sum(len(result.calm_alerts) for result in known)
    return Calm(alarms, sum(result.calm_gpu_days for result in known))


def halfway(values: Sequence[float]) -> tuple[float, float]:
    """(p50, p95), each a value that occurred (nearest rank)."""
    if not values:
        return NAN, NAN
    ranked = sorted(values)
    return _rank(ranked, 0.50), _rank(ranked, 0.95)


def _rank(ranked: Sequence[float], share: float) -> float:
    return float(ranked[max(0, math.ceil(share * len(ranked)) - 1)])


def _share(truths: Sequence[bool | None]) -> float:
    known = [truth for truth in truths if truth is not None]
    return sum(known) / len(known) if known else NAN


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else NAN


def poisson_bound(seen: int, confidence: float = CONFIDENCE) -> float:
    """The mean at which so few events, or fewer, have probability 1 - confidence.

    Of 0 events 3.0 at 95 % (the "rule of three").
    """
    low, high = 0.0, 10.0 + 3.0 * seen
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(seen, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(count: int, mean: float) -> float:
    """Probability of at most `count` events of a Poisson variable."""
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return sum(math.exp(log) for log in logs) if mean > 0 else 1.0
