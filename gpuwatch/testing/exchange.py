"""One request and what its connection is made to go through for an answer."""

import json
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

DRIBBLE_TICK_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """One HTTP request as it came in; `args` merges query, form and JSON."""

    verb: str
    path: str
    headers: Message
    query: Mapping[str, str]
    form: Mapping[str, str]
    json: Mapping[str, Any]
    body: bytes
    at_seconds: float

    @property
    def args(self) -> dict[str, Any]:
        """Every argument, wherever it stood."""
        return {**self.query, **self.form, **self.json}


def parse_request(
    verb: str, target: str, headers: Message, body: bytes, at_seconds: float
) -> Request:
    """Take one request apart; a body of an unknown kind is only kept raw."""
    parts = urlsplit(target)
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    form = _pairs(body.decode()) if kind.endswith("form-urlencoded") else {}
    document = _json_object(body) if kind.endswith("json") else {}
    query = _pairs(parts.query)
    return Request(verb, parts.path, headers, query, form, document, body, at_seconds)


def _pairs(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


@dataclass(frozen=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, document: Mapping[str, Any], status: int = 200) -> Self:
        """Answer with a JSON document."""
        body = json.dumps(document).encode()
        return cls(status, body, "application/json; charset=utf-8")

    def head(self, common: Mapping[str, str], length_bytes: int) -> bytes:
        """Spell out status line and headers."""
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(length_bytes),
            **common,
            **self.headers,
        }
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"


@dataclass
class Exchange:
    """What a fault can do with one request: carry out, answer, delay, break."""

    method: str
    connection: socket.socket
    common_headers: Mapping[str, str]
    carry_out: Callable[[], Reply]
    stopping: threading.Event
    closed: bool = False

    def send(self, reply: Reply) -> None:
        """Answer in full."""
        self._send(reply, reply.body, len(reply.body))

    def send_cut(self, reply: Reply, kept_bytes: int, *, honest_length: bool) -> None:
        """Answer with the first bytes of the body only, then hang up."""
        body = reply.body[:kept_bytes]
        self._send(reply, body, len(body if honest_length else reply.body))
        self.hang_up()

    def _send(self, reply: Reply, body: bytes, length_bytes: int) -> None:
        self.connection.sendall(reply.head(self.common_headers, length_bytes) + body)

    def dribble(self, reply: Reply, bytes_per_second: float) -> None:
        """Answer in full, but slowly; a stopping server hangs up in between."""
        self._send(reply, b"", len(reply.body))
        step = max(1, round(bytes_per_second * DRIBBLE_TICK_SECONDS))
        for start in range(0, len(reply.body), step):
            chunk = reply.body[start : start + step]
            if not self.pause(len(chunk) / bytes_per_second):
                return
            self.connection.sendall(chunk)

    def pause(self, seconds: float) -> bool:
        """Wait; False (and hung up) when the server stops meanwhile."""
        if self.stopping.wait(seconds):
            self.hang_up()
        return not self.closed

    def hang_up(self) -> None:
        """End the connection in good order once the handler returns."""
        self.closed = True

    def reset(self) -> None:
        """End the connection with a TCP reset (linger 0) once the handler returns."""
        linger_zero = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_zero)
        self.closed = True
