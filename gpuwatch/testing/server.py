"""The threaded loopback HTTP server beneath the fakes.

It can stop and start again on one port, and keeps that port in between.
"""

import socket
import socketserver
import ssl
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from email.message import Message
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from gpuwatch.testing.exchange import Exchange, Reply, Request, parse_request
from gpuwatch.testing.faults import Fault, Script
from gpuwatch.testing.ports import LOOPBACK, claimed_port

POLL_SECONDS = 0.02


class LoopbackServer(ABC):
    """A real HTTP server for tests; subclasses say what it answers."""

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.script = Script()
        self.tls_context = tls
        self._port = port
        self._listener: _Listener | None = None
        self._stack = ExitStack()

    @abstractmethod
    def respond(self, request: Request) -> Reply:
        """Carry the request out and answer as the real thing would."""

    @abstractmethod
    def receive(self, request: Request) -> str:
        """Take note of a request and name the method its faults go by."""

    def common_headers(self) -> Mapping[str, str]:
        """Headers of every answer."""
        return {"Date": formatdate(usegmt=True)}

    def fail_next(self, method: str, *answers: Fault | None) -> None:
        """Script the next answers of a method; None is an ordinary one."""
        self.script.fail_next(method, *answers)

    def always(self, method: str, answer: Fault | None) -> None:
        """Answer a method so from now on; None ends it."""
        self.script.always(method, answer)

    @property
    def port(self) -> int:
        """The port, which stays the same over stop and start."""
        return self._port

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        scheme = "http" if self.tls_context is None else "https"
        return f"{scheme}://{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Listen (again)."""
        if self._listener is None:
            self._listener = _Listener(self, self._port)
            self._listener.start()

    def stop(self) -> None:
        """Stop listening: connections break, new ones are refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    def __enter__(self) -> Self:
        self._port = self._stack.enter_context(claimed_port(self._port))
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        self._stack.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Listener"

    def _serve(self) -> None:
        length_bytes = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length_bytes)
        if len(body) < length_bytes:
            self.close_connection = True
            return
        now = time.monotonic()
        request = parse_request(self.command, self.path, self.headers, body, now)
        closed = self.server.answer(request, self.connection)
        self.close_connection = closed or _asks_to_close(self.headers)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server's names)

    def log_message(self, *_args: object) -> None:
        """Stay silent: tests read the recorded requests instead of stderr."""


def _asks_to_close(headers: Message) -> bool:
    return str(headers.get("Connection") or "").lower() == "close"


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, owner: LoopbackServer, port: int) -> None:
        self._owner = owner
        self._stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Handler)
        loop = partial(self.serve_forever, poll_interval=POLL_SECONDS)
        self._thread = threading.Thread(target=loop, name=f"fake:{port}")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._open:
                _shut(connection)
        self.server_close()

    def answer(self, request: Request, connection: socket.socket) -> bool:
        """Answer or fail to, and say whether the connection is to be closed."""
        exchange = Exchange(
            method=self._owner.receive(request),
            connection=connection,
            common_headers=self._owner.common_headers(),
            carry_out=partial(self._owner.respond, request),
            stopping=self._stopping,
        )
        fault = self._owner.script.take(exchange.method)
        if fault is None:
            exchange.send(exchange.carry_out())
        else:
            fault.play(exchange)
        return exchange.closed

    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which can take seconds
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        context = self._owner.tls_context
        if context is not None:  # the handshake waits for the handler's thread
            connection = context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        # the inherited one sends FIN first, which would soften a reset
        with self._lock:
            self._open.discard(request)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client's hanging up is fine
            super().handle_error(request, client_address)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # the raw socket's: TLS state belongs to the handler
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
