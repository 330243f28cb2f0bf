"""What a server can do to a client, and the script of when it does.

Each fault says whether the request is *accepted* (carried out) all the same:
that is the whole difference between a lost and a doubled message.
"""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Protocol

from gpuwatch.testing.exchange import Exchange, Reply

LONG_SECONDS = 60.0


class Fault(Protocol):
    """One way of not answering as one should."""

    def play(self, exchange: Exchange) -> None:
        """Answer, or fail to, in this fault's way."""


@dataclass(frozen=True)
class HttpStatus:
    """A bare HTTP status with a plain body; accepted only if said so."""

    status: int
    body: str = ""
    after_accept: bool = False

    def play(self, exchange: Exchange) -> None:
        """Answer with the status alone."""
        if self.after_accept:
            exchange.carry_out()
        exchange.send(Reply(self.status, self.body.encode()))


@dataclass(frozen=True)
class Html:
    """A proxy's HTML error page where JSON was due; accepted only if said so."""

    status: int = 502
    after_accept: bool = False

    def play(self, exchange: Exchange) -> None:
        """Answer with a web page."""
        if self.after_accept:
            exchange.carry_out()
        page = f"<html><body><h1>{self.status}</h1><hr>nginx</body></html>"
        exchange.send(Reply(self.status, page.encode(), "text/html"))


@dataclass(frozen=True)
class Reset:
    """A TCP reset instead of an answer; accepted only if said so."""

    after_accept: bool = False

    def play(self, exchange: Exchange) -> None:
        """Break the connection."""
        if self.after_accept:
            exchange.carry_out()
        exchange.reset()


@dataclass(frozen=True)
class TimeoutBeforeAccept:
    """Silence, then a closed connection; the request is never carried out."""

    seconds: float = LONG_SECONDS

    def play(self, exchange: Exchange) -> None:
        """Say nothing."""
        exchange.pause(self.seconds)
        exchange.hang_up()


@dataclass(frozen=True)
class TimeoutAfterAccept:
    """The request is carried out at once; its answer never comes."""

    seconds: float = LONG_SECONDS

    def play(self, exchange: Exchange) -> None:
        """Do as asked and say nothing."""
        exchange.carry_out()
        exchange.pause(self.seconds)
        exchange.hang_up()


@dataclass(frozen=True)
class HangSeconds:
    """Silence first, then the request is carried out and answered as usual."""

    seconds: float

    def play(self, exchange: Exchange) -> None:
        """Answer late."""
        if exchange.pause(self.seconds):
            exchange.send(exchange.carry_out())


@dataclass(frozen=True)
class Truncated:
    """Accepted, but the answer's body breaks off part way.

    With `honest_length`, Content-Length agrees with the shortened body, so that
    only the parser of the body can notice.
    """

    kept_fraction: float = 0.5
    honest_length: bool = False

    def play(self, exchange: Exchange) -> None:
        """Answer by half."""
        reply = exchange.carry_out()
        kept = int(len(reply.body) * self.kept_fraction)
        exchange.send_cut(reply, kept, honest_length=self.honest_length)


@dataclass(frozen=True)
class Dribble:
    """Accepted, but the answer comes a few bytes at a time."""

    bytes_per_second: float

    def play(self, exchange: Exchange) -> None:
        """Answer slowly."""
        exchange.dribble(exchange.carry_out(), self.bytes_per_second)


class Script:
    """Which fault is due when, method by method."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: defaultdict[str, deque[Fault | None]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}

    def fail_next(self, method: str, *answers: Fault | None) -> None:
        """Queue answers for the next calls; None is one ordinary answer."""
        with self._lock:
            self._next[method].extend(answers)

    def always(self, method: str, answer: Fault | None) -> None:
        """Answer so once the queue is empty, until told otherwise by None."""
        with self._lock:
            self._always.pop(method, None)
            if answer is not None:
                self._always[method] = answer

    def take(self, method: str) -> Fault | None:
        """Say what is due now."""
        with self._lock:
            if self._next[method]:
                return self._next[method].popleft()
            return self._always.get(method)
