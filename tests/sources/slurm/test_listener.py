"""What is known while Slurm comes and goes; the clock is ours, nothing waits."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.slurm.listener import Heard, Listener

JOBS = Roster((Claim("7", "n1"),))


class Slurm:
    """Answers when it is let, and says when it was asked."""

    def __init__(self) -> None:
        self.answer: Roster | str = JOBS
        self.now = 1000.0
        self.asked = threading.Semaphore(0)

    def ask(self, stop: threading.Event) -> Roster:
        del stop
        answer = self.answer
        self.asked.release()
        if isinstance(answer, str):
            raise SourceError("squeue", answer)
        return answer

    def clock(self) -> float:
        return self.now


@contextmanager
def listening(slurm: Slurm) -> Iterator[Listener]:
    listener = Listener(slurm.ask, 0.01, 20.0, slurm.clock)
    try:
        yield listener
    finally:
        listener.close()


def later(slurm: Slurm, listener: Listener, answer: Roster | str, at: float) -> Heard:
    """After the next whole turn with that answer."""
    slurm.answer, slurm.now = answer, at
    for _ in range(3):
        while slurm.asked.acquire(blocking=False):
            pass
        assert slurm.asked.acquire(timeout=20)
    return listener.heard()


def test_the_first_call_waits_for_the_first_answer() -> None:
    slurm = Slurm()
    with listening(slurm) as listener:
        assert listener.heard() == Heard(JOBS, 0.0, "", ever=True)


def test_away_the_last_roster_holds_for_ten_minutes_and_is_told() -> None:
    slurm = Slurm()
    with listening(slurm) as listener:
        listener.heard()
        heard = later(slurm, listener, "gone", 1240.0)
        assert heard.roster is JOBS
        assert heard.words == "squeue: gone; jobs are as they were 4 min ago"
        slurm.now = 1600.0
        assert listener.heard().roster is JOBS
        slurm.now = 1601.0
        heard = listener.heard()
        assert heard.roster is None
        assert heard.words == "squeue: gone; no jobs are known from Slurm for 10 min"


def test_back_again_all_is_well() -> None:
    slurm = Slurm()
    slurm.answer = "gone"
    with listening(slurm) as listener:
        first = listener.heard()
        assert (first.roster, first.ever) == (None, False)
        assert first.words == "squeue: gone; no jobs are known from Slurm"
        assert later(slurm, listener, JOBS, 1010.0) == Heard(JOBS, 0.0, "", ever=True)


def test_the_same_answer_is_the_same_roster() -> None:
    slurm = Slurm()
    with listening(slurm) as listener:
        listener.heard()
        again = later(slurm, listener, Roster((Claim("7", "n1"),)), 1010.0)
        assert again == Heard(JOBS, 0.0, "", ever=True)
        assert again.roster is JOBS
        other = later(slurm, listener, Roster(), 1020.0)
        assert other.roster == Roster()


def test_a_bug_ends_no_thread() -> None:
    slurm = Slurm()
    broken = [True]

    def ask(stop: threading.Event) -> Roster:
        if broken.pop() if broken else False:
            raise ZeroDivisionError
        return slurm.ask(stop)

    listener = Listener(ask, 0.01, 20.0, slurm.clock)
    try:
        assert listener.heard().trouble in ("squeue: ZeroDivisionError", "")
        assert slurm.asked.acquire(timeout=20)
        assert slurm.asked.acquire(timeout=20)
        assert listener.heard().roster is JOBS
    finally:
        listener.close()


def test_closing_ends_the_thread() -> None:
    slurm = Slurm()
    with listening(slurm) as listener:
        listener.heard()
    names = [thread.name for thread in threading.enumerate()]
    assert "slurm jobs" not in names


@pytest.mark.parametrize("called", [True, False])
def test_closing_twice_or_unused_is_no_matter(called: bool) -> None:
    listener = Listener(Slurm().ask, 60.0, 20.0)
    if called:
        listener.heard()
    listener.close()
    listener.close()
