"""Means over spans of time that outlive gaps, restarts and clocks that go back."""

from dataclasses import replace

import numpy as np

from gpuwatch.model.ring import Ring
from gpuwatch.model.snapshot import Column
from gpuwatch.model.trend import History
from tests.rules.builders import fleet_of, window_of

SPAN = 1800.0


def run(readings: list[tuple[float, float]], size: int = 4) -> list[History | None]:
    """(spans since the start, value); what the ring shows after each."""
    kept: dict[str, Column] = {}
    shown = []
    window = window_of(fleet_of())
    for spans, value in readings:
        now = replace(window.now, at=spans * SPAN + 1800.0 * 1000)
        ring = Ring(replace(window, now=now, kept=kept), "r", 1, size, SPAN)
        keep = ring.added(np.array([value]))
        shown.append(ring.history(keep))
        kept |= keep
    return shown


def values(history: History | None) -> list[float | None]:
    assert history is not None
    return [None if np.isnan(v) else float(v) for v in history[:, 0]]


def test_a_mean_for_each_span_that_ended() -> None:
    shown = run([(0.0, 1), (0.5, 3), (1.0, 10), (2.0, 20), (2.5, np.nan), (3.0, 5)])
    assert [shown[0], shown[1], shown[4]] == [None, None, None]
    assert values(shown[2]) == [None, None, None, 2]
    assert values(shown[3]) == [None, None, 2, 10]
    assert values(shown[5]) == [None, 2, 10, 20]


def test_the_oldest_makes_room() -> None:
    shown = run([(float(n), float(n)) for n in range(7)])
    assert values(shown[-1]) == [2, 3, 4, 5]


def test_a_gap_is_empty_and_a_long_one_forgets_all() -> None:
    before = [(float(n), float(n)) for n in range(4)]
    assert values(run([*before, (6.0, 6)])[-1]) == [2, 3, None, None]
    assert values(run([*before, (90.0, 6)])[-1]) == [None, None, None, None]


def test_a_clock_that_went_back_forgets_all() -> None:
    before = [(float(n), float(n)) for n in range(4)]
    assert values(run([*before, (1.0, 6)])[-1]) == [None, None, None, None]


def test_a_span_without_a_reading_is_empty() -> None:
    assert values(run([(0.0, np.nan), (1.0, 4), (2.0, 5)])[-1]) == [None, None, None, 4]
