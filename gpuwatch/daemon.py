"""The daemon: one loop a cluster, signals, systemd, an orderly end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from apscheduler.schedulers.background import BackgroundScheduler

from gpuwatch.app import App
from gpuwatch.cycle import Cycle
from gpuwatch.errors import GpuwatchError, guarded
from gpuwatch.model.duration import say_duration
from gpuwatch.systemd import sd_notify
from gpuwatch.telemetry import CONFIG_OK, LAST_GOOD, report

log = logging.getLogger("gpuwatch.daemon")

STOP_SECONDS = 2.5  # with what `App.stop` takes less than the five that are promised
_GLANCE_SECONDS = 0.2
_CLOCK_JUMP_SECONDS = 30.0


class Loop(threading.Thread):
    """One cluster's cycles on a monotonic clock, so a wall clock may jump.

    Late cycles are merged into one and never overlap: the next is due at the next
    whole interval after the last one ended.
    """

    def __init__(self, cycle: Cycle, app: App, interval_seconds: float) -> None:
        super().__init__(name=f"cycle-{cycle.fleet.cluster}", daemon=True)
        self.cycle, self._app, self._interval = cycle, app, interval_seconds
        self._stop_asked = threading.Event()
        self.first_done = threading.Event()
        self.beat_at = time.monotonic()

    def run(self) -> None:
        """Cycle until told to stop."""
        with guarded("look back", report):
            self.cycle.arrive()
        due, skew = time.monotonic(), _skew()
        while not self._stop_asked.is_set():
            with guarded("cycle", report):
                self._turn()
            self.first_done.set()
            self.beat_at = time.monotonic()
            due += self._interval * max(1, -(-(self.beat_at - due) // self._interval))
            self._stop_asked.wait(max(0.0, due - time.monotonic()))
            skew = _note_jump(skew)

    def _turn(self) -> None:
        outcome = self.cycle.run()
        self._app.board.show(outcome.view)
        if outcome.good:
            LAST_GOOD.labels(outcome.view.cluster).set(time.time())
        self._app.ping(outcome)

    def ask_to_stop(self) -> None:
        """End after the cycle that is under way."""
        self._stop_asked.set()


def _skew() -> float:
    """How far the wall clock is ahead of the monotonic one."""
    return time.time() - time.monotonic()


def _note_jump(before: float) -> float:
    now = _skew()
    if abs(now - before) > _CLOCK_JUMP_SECONDS:
        log.warning("the clock jumped by %s", say_duration(abs(now - before)))
    return now


class Daemon:
    """Runs an app until SIGTERM; SIGHUP brings a new configuration or none."""

    def __init__(self, app: App, reload: Callable[[App], App]) -> None:
        self.app, self._reload = app, reload
        self._loops: list[Loop] = []
        self._wake = threading.Event()
        self._signals: list[int] = []
        self._housekeeping = BackgroundScheduler(timezone="UTC")

    def run(self) -> None:
        """Start, serve, and end within five seconds of SIGTERM with nothing lost."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note_signal)
        self.app.start()
        self._housekeeping.add_job(
            self._prune, "interval", hours=6, coalesce=True, max_instances=1,
            misfire_grace_time=None,
        )  # fmt: skip
        self._housekeeping.start()
        self._start_loops()
        try:
            self._serve()
        finally:
            self._stop()

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)
        self._wake.set()

    def _serve(self) -> None:
        announced = False
        while True:
            self._wake.wait(0.5)
            self._wake.clear()
            while self._signals:
                number = self._signals.pop(0)
                if number != signal.SIGHUP:
                    log.info("told to end by %s", signal.Signals(number).name)
                    return
                self._take_up_new_configuration()
            if not announced and all(loop.first_done.is_set() for loop in self._loops):
                announced = sd_notify("READY=1") or True
                log.info("ready; %s", self.app.address)
            self._watchdog()

    def _watchdog(self) -> None:
        """Only while every cluster's loop turns: a hung loop must be seen."""
        longest = max(120.0, 4 * self.app.settings.poll_interval)
        oldest = min((loop.beat_at for loop in self._loops), default=time.monotonic())
        if time.monotonic() - oldest < longest:
            sd_notify(f"WATCHDOG=1\nSTATUS={self.app.status}")

    def _start_loops(self) -> None:
        interval = self.app.settings.poll_interval
        self._loops = [Loop(cycle, self.app, interval) for cycle in self.app.cycles]
        for loop in self._loops:
            loop.start()

    def _stop_loops(self) -> None:
        """One patience for all of them: a cycle that is cut off has written nothing."""
        until = time.monotonic() + STOP_SECONDS
        for loop in self._loops:
            loop.ask_to_stop()
        for loop in self._loops:
            loop.join(max(0.0, until - time.monotonic()))

    def _rest_loops(self) -> bool:
        """Wait until each has ended its cycle; False: told to end meanwhile."""
        for loop in self._loops:
            loop.ask_to_stop()
        while turning := [loop for loop in self._loops if loop.is_alive()]:
            if any(number != signal.SIGHUP for number in self._signals):
                return False
            turning[0].join(_GLANCE_SECONDS)
        return True

    def _take_up_new_configuration(self) -> None:
        try:
            new = self._reload(self.app)
        except GpuwatchError as error:
            self._refuse(error)
            return
        if not self._rest_loops():
            return
        try:
            new.take_over()
        except GpuwatchError as error:
            self._refuse(error)
        else:
            self.app = new
            CONFIG_OK.set(1)
            log.info("the new configuration is in force")
        self._start_loops()

    def _refuse(self, error: GpuwatchError) -> None:
        CONFIG_OK.set(0)
        log.error("the new configuration is refused, the old one stays: %s", error)

    def _prune(self) -> None:
        with guarded("retention", report):
            gone = self.app.prune(time.time())
            log.info("retention: %d incidents forgotten", gone)

    def _stop(self) -> None:
        sd_notify("STOPPING=1")
        self._housekeeping.shutdown(wait=False)
        self._stop_loops()
        self.app.stop()
        log.info("stopped")
