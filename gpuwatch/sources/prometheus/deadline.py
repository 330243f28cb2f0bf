"""One deadline for a whole cycle, kept even from a server that dribbles."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


@dataclass(frozen=True)
class Deadline:
    """A point on the monotonic clock."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; never negative."""
        return max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> Deadline:
        """This one, or that many seconds from now, whichever comes first."""
        return Deadline(min(self.at, time.monotonic() + seconds))


_current = threading.local()


@contextmanager
def cut_off(deadline: Deadline) -> Iterator[None]:
    """Break whatever connection this thread waits for when the time is up.

    Socket timeouts start again with every byte, so they alone do not end a dribble,
    be it in headers, in the size of a chunk or in the body.
    """
    _current.deadline, _current.timers = deadline, []
    try:
        yield
    finally:
        for timer in _current.timers:
            timer.cancel()
            timer.join()
        del _current.deadline, _current.timers


def _watch(connection: HTTPConnection) -> None:
    deadline: Deadline | None = getattr(_current, "deadline", None)
    if deadline is None or connection.sock is None:
        return
    timer = threading.Timer(deadline.remaining(), _shut, (connection.sock,))
    timer.daemon = True
    timer.start()
    _current.timers.append(timer)


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):  # the plain socket's: TLS state belongs to the reader
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    def getresponse(self) -> Any:
        _watch(self)
        return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> Any:
        _watch(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class DeadlineAdapter(HTTPAdapter):
    """Pooled connections that `cut_off` can break; no retries of its own.

    `server_name`: expected in the certificate instead of the address's host.
    """

    def __init__(self, *, connections: int, server_name: str | None = None) -> None:
        self.server_name = server_name
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **kwargs: Any
    ) -> None:
        """As inherited, with our connections."""
        if self.server_name:
            kwargs |= {"server_hostname": self.server_name}
            kwargs |= {"assert_hostname": self.server_name}
        super().init_poolmanager(connections, maxsize, block, **kwargs)
        classes = {"http": _Pool, "https": _SecurePool}
        self.poolmanager.pool_classes_by_scheme = classes
