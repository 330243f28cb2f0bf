"""The last known roster, refreshed in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from gpuwatch.errors import SourceError, guarded
from gpuwatch.model.duration import say_duration
from gpuwatch.sources.jobs.roster import Roster
from gpuwatch.telemetry import report

OLDEST_SECONDS = 600.0
NAME = "slurm jobs"


@dataclass(frozen=True)
class Heard:
    """What is known now.

    Args:
        roster: at most ten minutes old; None = nothing that could be used.
        trouble: why the newest attempt failed; empty = it did not.
        ever: Slurm has answered before.
    """

    roster: Roster | None = None
    age_seconds: float = 0.0
    trouble: str = ""
    ever: bool = False

    @property
    def words(self) -> str:
        """The trouble for people, and what is done about it; empty without one."""
        if not self.trouble:
            return ""
        age = say_duration(self.age_seconds)
        if self.roster is not None:
            return f"{self.trouble}; jobs are as they were {age} ago"
        since = f" for {age}" if self.ever else ""
        return f"{self.trouble}; no jobs are known from Slurm{since}"


class Listener:
    """Asks every so often; whoever wants to know is never kept waiting but once.

    `ask` gets an event that is set when it is to give up.
    """

    def __init__(
        self,
        ask: Callable[[threading.Event], Roster],
        interval_seconds: float,
        patience_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._clock = ask, clock
        self._interval_seconds = interval_seconds
        self._patience_seconds = patience_seconds
        self._stop, self._tried = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._last: tuple[Roster | None, float, str] = (None, clock(), "")

    def heard(self) -> Heard:
        """The newest roster; the first call waits for the first answer."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=NAME, daemon=True)
            self._thread.start()
            self._tried.wait(self._patience_seconds)
        roster, at, trouble = self._last
        if roster is None and not trouble:
            trouble = "squeue has not answered yet"
        age = self._clock() - at
        usable = roster if age <= OLDEST_SECONDS else None
        return Heard(usable, age, trouble, ever=roster is not None)

    def _run(self) -> None:
        while not self._stop.is_set():
            with guarded(NAME, self._failed):
                self._refresh()
            self._tried.set()
            self._stop.wait(self._interval_seconds)

    def _refresh(self) -> None:
        try:
            roster = self._ask(self._stop)
        except SourceError as error:
            self._last = (*self._last[:2], str(error))
        else:
            last = self._last[0]  # kept while it is true: nobody works it out anew
            self._last = (last if roster == last else roster, self._clock(), "")

    def _failed(self, what: str, error: Exception) -> None:
        self._last = (*self._last[:2], f"squeue: {type(error).__name__}")
        report(what, error)

    def close(self) -> None:
        """Stop asking; a client under way is ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)
