"""The HTTP session: who we are, whom we trust."""

from __future__ import annotations

import threading
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import requests
import urllib3
from pydantic import SecretStr
from requests.auth import AuthBase, HTTPBasicAuth

from gpuwatch.errors import ConfigError, SourceError
from gpuwatch.settings import BasicAuth, PrometheusSettings, Tls
from gpuwatch.sources.prometheus.deadline import DeadlineAdapter
from gpuwatch.sources.prometheus.sigv4 import AmazonAuth

CONNECTIONS = 8
LOOPBACK = ("http://localhost", "http://127.", "http://[::1]")


class _FileText:
    """A secret in a file, read again whenever the file changes."""

    def __init__(self, key: str, path: Path) -> None:
        self._key, self._path = key, path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._text = ""

    def get(self) -> str:
        """The text of now; SourceError when it cannot be read."""
        try:
            with self._lock:
                return self._fresh()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise SourceError(
                "", f"{self._key} {str(self._path)!r} cannot be read: {reason}"
            ) from error

    def _fresh(self) -> str:
        stat = self._path.stat()
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if seen != self._seen:
            self._text = self._path.read_text("utf-8").strip()
            self._seen = seen
        return self._text


class _Bearer(AuthBase):
    def __init__(self, token: _FileText | SecretStr) -> None:
        self._token = token

    def secret(self) -> str:
        token = _text(self._token)
        if not token or not token.isascii() or not token.isprintable():
            # requests would quote it in its own error
            raise SourceError("", "bearer token is not one line of plain ASCII")
        return token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.secret()}"
        return request


class _Basic(AuthBase):
    def __init__(self, username: str, password: _FileText | SecretStr) -> None:
        self._username, self._password = username, password

    def secret(self) -> str:
        return _text(self._password)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        name, password = self._username.encode(), self.secret().encode()
        signed: requests.PreparedRequest = HTTPBasicAuth(name, password)(request)
        return signed


def open_session(settings: PrometheusSettings) -> requests.Session:
    """A session with everything that settings ask for; ConfigError when impossible."""
    session = requests.Session()
    session.trust_env = settings.trust_env
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.auth = _auth(settings)
    session.headers.update(_headers(settings))
    _apply_tls(session, settings.tls)
    adapter = DeadlineAdapter(
        connections=CONNECTIONS, server_name=settings.tls.server_name
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _headers(settings: PrometheusSettings) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "gpuwatch"}
    if settings.addresses[0].startswith(LOOPBACK):
        headers["Accept-Encoding"] = "identity"  # packing costs more than it saves
    if settings.tenant:
        headers["X-Scope-OrgID"] = settings.tenant
    own = {name: value.get_secret_value() for name, value in settings.headers.items()}
    return {**headers, **own}


def _auth(settings: PrometheusSettings) -> AuthBase | None:
    if settings.sigv4 is not None:
        return AmazonAuth(settings.sigv4)
    if settings.bearer_token is not None:
        return _Bearer(settings.bearer_token)
    if settings.bearer_token_file is not None:
        return _Bearer(_FileText("bearer_token_file", settings.bearer_token_file))
    return _basic(settings.basic_auth) if settings.basic_auth is not None else None


def _basic(settings: BasicAuth) -> _Basic:
    if settings.password is not None:
        return _Basic(settings.username, settings.password)
    path = settings.password_file or Path()
    return _Basic(settings.username, _FileText("password_file", path))


def _apply_tls(session: requests.Session, tls: Tls) -> None:
    for key in ("ca_file", "cert_file", "key_file"):
        path: Path | None = getattr(tls, key)
        if path is not None and not path.is_file():
            raise ConfigError(
                f"prometheus.tls.{key}",
                f"there is no file {str(path)!r}",
                "check the path",
            )
    session.verify = str(tls.ca_file) if tls.ca_file else True
    if tls.insecure_skip_verify:
        session.verify = False
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if tls.cert_file is not None:
        pair = (str(tls.cert_file), str(tls.key_file))
        session.cert = pair if tls.key_file is not None else pair[0]


def secrets_of(session: requests.Session, settings: PrometheusSettings) -> list[str]:
    """What must never be repeated in an error, longest first."""
    auth = session.auth
    found = [value.get_secret_value() for value in settings.headers.values()]
    if isinstance(auth, _Bearer | _Basic):
        found.append(auth.secret())
    return sorted((text for text in found if len(text) > 3), key=len, reverse=True)


def _text(secret: _FileText | SecretStr) -> str:
    return secret.get() if isinstance(secret, _FileText) else secret.get_secret_value()
