"""The dead man's switch, against a real small server."""

import threading
from collections.abc import Iterator

import pytest

from gpuwatch.notifiers.deadman import DeadMan
from gpuwatch.testing import HttpStatus, LoopbackServer, Reply, Request


class Switch(LoopbackServer):
    def __init__(self) -> None:
        super().__init__()
        self.pings: list[tuple[str, str]] = []
        self.last_body = b""
        self.pinged = threading.Event()

    def receive(self, request: Request) -> str:
        self.pings.append((request.verb, request.path))
        self.last_body = request.body
        self.pinged.set()
        return "ping"

    def respond(self, request: Request) -> Reply:
        del request
        return Reply(200, b"OK")


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def switch() -> Iterator[Switch]:
    with Switch() as server:
        yield server


def deadman_of(switch: Switch, ticks: Ticks) -> DeadMan:
    return DeadMan(f"{switch.origin}/uuid?create=1", 60.0, clock=ticks)


GOOD, BAD = ("GET", "/uuid"), ("POST", "/uuid/fail")


def test_good_cycles_ping_once_an_interval(switch: Switch) -> None:
    ticks = Ticks()
    deadman = deadman_of(switch, ticks)
    went: list[float] = []
    for now in range(0, 130, 15):
        ticks.now = now
        deadman.good()
        if deadman.ping_once():
            went.append(now)
    assert went == [0, 60, 120]
    assert switch.pings == [GOOD] * 3


def test_no_good_word_outlives_its_cycle(switch: Switch) -> None:
    ticks = Ticks()
    deadman = deadman_of(switch, ticks)
    deadman.good()
    assert deadman.ping_once() is True
    ticks.now = 45
    deadman.good()
    ticks.now = 61
    assert deadman.ping_once() is False


def test_bad_news_goes_at_once_but_not_more_than_five_a_minute(
    switch: Switch,
) -> None:
    ticks = Ticks()
    deadman = deadman_of(switch, ticks)
    for now in range(60):
        ticks.now = now
        deadman.bad("blind") if now % 2 else deadman.good()
        deadman.ping_once()
    assert 2 <= len(switch.pings) <= 5
    ticks.now = 300
    deadman.good()
    deadman.ping_once()
    ticks.now = 312
    deadman.bad("Prometheus is unreachable")
    deadman.ping_once()
    assert switch.pings[-2:] == [GOOD, BAD]
    assert switch.last_body == b"Prometheus is unreachable"


def test_a_ping_that_failed_is_repeated_with_the_next_cycle(
    switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = Ticks()
    deadman = deadman_of(switch, ticks)
    switch.fail_next("ping", HttpStatus(500), HttpStatus(500))
    for now in (0, 15, 30):
        ticks.now = now
        deadman.good()
        deadman.ping_once()
    assert switch.pings == [GOOD] * 3
    assert deadman.failures == 0
    assert [r.getMessage() for r in caplog.records] == [
        "the dead man's switch does not answer (HTTP 500)"
    ]


def test_a_dead_switch_blocks_nobody_and_its_url_stays_secret(
    switch: Switch, caplog: pytest.LogCaptureFixture
) -> None:
    deadman = deadman_of(switch, Ticks())
    switch.stop()
    deadman.good()
    assert deadman.ping_once() is True
    assert deadman.failures == 1
    assert "uuid" not in caplog.text


def test_the_thread_pings_and_stops(switch: Switch) -> None:
    deadman = DeadMan(f"{switch.origin}/uuid")
    deadman.start()
    deadman.good()
    assert switch.pinged.wait(10)
    assert deadman.stop() is True
    assert switch.pings == [GOOD]
