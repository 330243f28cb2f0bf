"""Windows: contiguous, bounded, thinned, and growing with the fleet."""

import numpy as np

from gpuwatch.engine.past import MOST_STEPS, Track


def fill(track: Track, polls: int, rows: int = 2, seconds: float = 15.0) -> float:
    for poll in range(polls):
        track.add(poll * seconds, np.full(rows, float(poll)))
    return (polls - 1) * seconds


def test_an_empty_fleet_has_an_empty_history() -> None:
    track = Track(60)
    track.add(0.0, np.empty(0))
    assert track.view(0)[1].shape == (1, 0)


def test_the_window_ends_with_the_present() -> None:
    track = Track(60)
    now = fill(track, 10)
    times, values = track.view(2)
    assert times.tolist() == [now - 60, now - 45, now - 30, now - 15, now]
    assert values[:, 0].tolist() == [5, 6, 7, 8, 9]


def test_a_long_run_keeps_the_newest() -> None:
    track = Track(150)
    fill(track, 1000)
    assert track.view(2)[1][:, 0].tolist() == list(range(989, 1000))


def test_a_long_window_is_thinned_and_still_ends_with_the_present() -> None:
    track = Track(3600)
    now = fill(track, 600)
    times, values = track.view(2)
    assert len(times) <= MOST_STEPS
    assert (times[-1], values[-1, 0]) == (now, 599)
    assert now - times[0] > 3300
    assert (np.diff(times)[:-1] >= 85).all()


def test_a_gpu_that_came_later_has_no_past() -> None:
    track = Track(60)
    track.add(0.0, np.array([1.0]))
    track.add(15.0, np.array([2.0, 3.0]))
    values = track.view(2)[1]
    assert np.isnan(values[0, 1])
    assert values[1].tolist() == [2, 3]
