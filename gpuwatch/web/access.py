"""Who may ask what, and the headers of every answer."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpuwatch.settings.sections import WebSettings
from gpuwatch.web.listening import is_outside

LARGEST_BODY_BYTES = 65_536
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
STATIC = "/static/"
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """The rules of the door.

    Requests that change something bring `Authorization: Bearer <token>`, always.
    Reading is free on loopback, for hosts that are ours (a web page elsewhere cannot
    read through a name of its own that it points here); beyond loopback it needs the
    token too, as Bearer or as the password of HTTP Basic, which browsers ask for.
    /healthz, /readyz, /metrics and the style sheet are open.
    """

    tokens: tuple[bytes, ...]
    hosts: frozenset[str] | None

    @classmethod
    def of(cls, settings: WebSettings, api_token: str | None) -> Access:
        """`hosts` is None where reading needs the token."""
        own = settings.token.get_secret_value() if settings.token else ""
        tokens = tuple(token.encode() for token in (own, api_token or "") if token)
        if is_outside(settings):
            return cls(tokens, None)
        public = urlsplit(settings.external_url or "").hostname or ""
        names = {"localhost", "127.0.0.1", "::1", settings.host.lower(), public}
        return cls(tokens, frozenset(names - {""}))

    def refusal(self, method: str, path: str, headers: Headers) -> Response | None:
        """The answer to those who may not; None = come in."""
        if method not in READING:
            return self._changing(headers)
        if path in OPEN_PATHS or path.startswith(STATIC):
            return None
        return self._reading(headers)

    def _changing(self, headers: Headers) -> Response | None:
        if not self.tokens:
            return refuse(403, "changes are off: no token is configured; set web.token")
        scheme, given = _credentials(headers)
        if scheme != "bearer":
            return refuse(401, "send Authorization: Bearer <web.token>", "Bearer")
        if not self._knows(given):
            return refuse(401, "that is not the token", "Bearer")
        return _too_long(headers)

    def _reading(self, headers: Headers) -> Response | None:
        if self.hosts is not None:
            if _host(headers) in self.hosts:
                return None
            return refuse(421, "unknown host name; set web.external_url to use it")
        scheme, given = _credentials(headers)
        if scheme == "basic":
            given = _password(given)
        if given and self._knows(given):
            return None
        return refuse(401, "the token is needed", 'Basic realm="gpuwatch"')

    def _knows(self, given: bytes) -> bool:
        hits = [hmac.compare_digest(given, token) for token in self.tokens]
        return any(hits)


def _credentials(headers: Headers) -> tuple[str, bytes]:
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    return scheme.lower(), rest.strip().encode("latin-1")


def _password(encoded: bytes) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _host(headers: Headers) -> str:
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _too_long(headers: Headers) -> Response | None:
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal()):
        return refuse(411, "send a Content-Length")
    if int(length[:9]) > LARGEST_BODY_BYTES or len(length) > 9:
        return refuse(413, f"at most {LARGEST_BODY_BYTES} bytes")
    return None


def refuse(status: int, error: str, challenge: str = "") -> Response:
    """One line of JSON."""
    headers = {"WWW-Authenticate": challenge} if challenge else None
    return JSONResponse({"error": error}, status, headers)


class Gate:
    """ASGI middleware: refuses before anything is read, adds headers to everything."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Only HTTP is served."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        refusal = self._access.refusal(scope["method"], path, Headers(scope=scope))
        answer = refusal or self._app
        await answer(scope, receive, partial(_send_with_headers, send, path))


async def _send_with_headers(send: Send, path: str, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        headers.update(HEADERS)
        if not path.startswith(STATIC):
            headers["Cache-Control"] = "no-store"
    await send(message)
