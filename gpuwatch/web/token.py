"""The token that changes over HTTP must bring."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from gpuwatch.settings import Settings

TOKEN_FILE = "api-token"  # noqa: S105  the name of a file
log = logging.getLogger("gpuwatch.web")


def state_folder(store_url: str) -> Path | None:
    """Where a SQLite store lies; None for a database server."""
    scheme, _, path = store_url.partition(":///")
    return Path(path).parent if scheme == "sqlite" and path else None


def api_token(settings: Settings, *, create: bool = True) -> str | None:
    """The page's token: the configured one, else one of our own beside the store.

    The command line on the same host reads it there; only its owner may. None where
    there is none: then nothing can be changed over HTTP. OSError: it may not be read.
    """
    if settings.web.token is not None:
        return settings.web.token.get_secret_value()
    folder = state_folder(settings.store.url.get_secret_value())
    if folder is None:
        return None
    path = folder / TOKEN_FILE
    if create and not _read(path):
        _make(path)
    return _read(path)


def _read(path: Path) -> str | None:
    return (path.read_text().strip() or None) if path.exists() else None


def _make(path: Path) -> None:
    """Whole or not at all: a daemon killed here must not leave an empty token."""
    fresh = path.with_suffix(".new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with os.fdopen(os.open(fresh, flags, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
        fresh.replace(path)
    except OSError as error:
        log.warning("no token for the page: %s: %s", path, error.strerror)
