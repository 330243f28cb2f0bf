"""The listening socket: bound before the daemon calls itself ready."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from gpuwatch.errors import ConfigError
from gpuwatch.settings.sections import WebSettings

KEY = "web.listen"
BACKLOG = 128

Address = tuple[socket.AddressFamily, str]


def is_outside(settings: WebSettings) -> bool:
    """Whether other machines can reach the address. ConfigError when it is none."""
    return not all(_is_loopback(host) for _, host in _addresses(settings))


def bind(settings: WebSettings) -> socket.socket:
    """Bind and listen; connections wait in the backlog until somebody serves them.

    Raises:
        ConfigError: the address is unknown, taken or forbidden, or is reachable
            from outside without `web.token`.
    """
    if is_outside(settings) and not has_token(settings):
        raise ConfigError(
            KEY,
            f"{settings.listen} is reachable from outside and has no token",
            "set web.token or listen on 127.0.0.1",
        )
    family, host = _addresses(settings)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            KEY,
            f"cannot listen on {settings.listen} ({error.strerror})",
            "stop the program that uses it, or choose another port",
        ) from error
    return listener


def has_token(settings: WebSettings) -> bool:
    """An empty token is none."""
    return bool(settings.token and settings.token.get_secret_value())


def url_of(listener: socket.socket) -> str:
    """How this machine reaches it, with the port that was really taken."""
    host, port = listener.getsockname()[:2]
    if host == "0.0.0.0":  # noqa: S104  compared, not bound
        host = "127.0.0.1"
    if host == "::":
        host = "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _addresses(settings: WebSettings) -> Sequence[Address]:
    """All that the host stands for, IPv4 first."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        raise ConfigError(
            KEY,
            f"{settings.host!r} is no address of this machine ({error})",
            "write it like 127.0.0.1:9488",
        ) from error
    pairs = {(family, str(address[0])) for family, _, _, _, address in found}
    return sorted(pairs, key=lambda pair: (pair[0] != socket.AF_INET, pair[1]))


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback
