"""Where a store is: a SQLite file or a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from gpuwatch.errors import StoreError

_FORMS = (
    "write it like sqlite:////var/lib/gpuwatch/gpuwatch.db or "
    "postgresql://user:password@host/database"
)


@dataclass(frozen=True)
class Place:
    """One store's address.

    Args:
        shown: the path or the URL without its password, for people.
        path: the database file, absolute; None for PostgreSQL.
    """

    url: URL
    shown: str
    path: Path | None = None


def find_place(url: str) -> Place:
    """Read a store URL; StoreError (permanent), which does not repeat it."""
    try:
        found = make_url(url)
    except ArgumentError:
        raise StoreError(f"store.url is no URL; {_FORMS}", permanent=True) from None
    if found.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _file(found, url)
    if found.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        whole = found.set(drivername="postgresql+psycopg")
        shown = found.set(drivername="postgresql", query={}).render_as_string()
        return Place(whole, shown)
    raise StoreError(
        f"store.url: {found.drivername} is not supported; {_FORMS}", permanent=True
    )


def _file(url: URL, text: str) -> Place:
    name = url.database or ""
    if not name or name.startswith((":memory:", "file:")) or "?" in text:
        raise StoreError(
            f"store.url must name a file, without options; {_FORMS}", permanent=True
        )
    path = Path(name).absolute()
    return Place(url, str(path), path)
