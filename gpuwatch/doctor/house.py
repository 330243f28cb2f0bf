"""gpuwatch's own house: configuration, installation, page, dead man's switch."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import requests

from gpuwatch import __version__
from gpuwatch.doctor.finding import Finding, fail, ok, skip, warn
from gpuwatch.settings import DeadmanSettings, WebSettings

OURS, PACKAGE = "gpuwatch-fleet", "gpuwatch"
CONNECT_SECONDS = 5.0


def configuration(file: Path | None) -> Finding:
    """Which file is read; that it can be read was proven before."""
    if file is None:
        hint = "gpuwatch config example > gpuwatch.yaml"
        return ok("configuration", "no file: defaults and GPUWATCH_* variables", hint)
    return ok("configuration", str(file.absolute()))


def installation(paths: Sequence[str] | None = None) -> Finding:
    """Whether another distribution brings a package of our name.

    `paths`: where to look, as sys.path, which is the default.
    """
    where = list(sys.path if paths is None else paths)
    installed = metadata.distributions(path=where)
    found = {_plain(dist.name) for dist in installed if _brings_ours(dist)}
    others = sorted(found - {OURS})
    if not others:
        return ok("installation", f"gpuwatch {__version__}, alone under its name")
    return fail(
        "installation",
        f"another distribution, {', '.join(others)}, also brings a package `gpuwatch`: "
        "the two overwrite each other's files",
        f"pip uninstall {' '.join(others)}, then reinstall {OURS}",
    )


def _brings_ours(dist: metadata.Distribution) -> bool:
    top_level = (dist.read_text("top_level.txt") or "").split()
    return _plain(dist.name) == PACKAGE or PACKAGE in top_level


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def daemon(settings: WebSettings) -> Finding:
    """Whether `gpuwatch run` answers on its page here."""
    address = settings.url_here
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{address}/readyz", timeout=CONNECT_SECONDS)
    except requests.RequestException:
        return skip("daemon", f"nothing answers at {address}: not running, it seems")
    if answer.status_code == requests.codes.ok:
        return ok("daemon", f"runs and is ready at {address}")
    if answer.status_code == requests.codes.service_unavailable:
        what = f"runs at {address}, but is not ready: no good cycle lately"
        return warn("daemon", what, "see its log; the findings on Prometheus say why")
    what = f"something else answers at {address} (HTTP {answer.status_code})"
    return warn("daemon", what, "set web.listen to a free port")


def deadman(settings: DeadmanSettings) -> Finding:
    """Whether its host can be reached; a ping would say that all is well."""
    if settings.url is None:
        hint = "with deadman.url a service alarms when gpuwatch itself is dead"
        return skip("deadman", "not set", hint)
    parts = urlsplit(settings.url.get_secret_value())
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        return fail("deadman", "deadman.url is no web address", "write https://...")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        what = f"{host} cannot be reached: {reason}"
        return warn("deadman", what, "check deadman.url and the firewall")
    return ok("deadman", f"{host} can be reached; not pinged")
