"""What a database's complaint means, in one line with its remedy."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gpuwatch.errors import StoreError
from gpuwatch.store.place import Place


@dataclass(frozen=True)
class Trouble:
    """What to say, what to do, and whether waiting is in vain."""

    words: str
    remedy: str
    permanent: bool = False

    def error(self, place: Place, detail: str = "") -> StoreError:
        """As the error to raise."""
        tail = f" ({detail})" if detail else ""
        text = f"{place.shown}: {self.words}{tail}; {self.remedy}"
        return StoreError(text, permanent=self.permanent)


DAMAGED = Trouble(
    "the file is damaged or is no SQLite database",
    "restore a backup, or move it aside and restart: gpuwatch makes a new one",
    permanent=True,
)
FULL = Trouble("the disk is full", "free space there; nothing was written")
BUSY = Trouble(
    "locked by another program",
    "stop whatever else writes to it; gpuwatch goes on trying",
)
READ_ONLY = Trouble(
    "it cannot be written",
    "give the user that runs gpuwatch write permission on it, its -wal and -shm, "
    "and its folder",
)
AWAY = Trouble(
    "PostgreSQL cannot be reached",
    "check that it runs and that store.url is right; gpuwatch goes on trying",
)
# By the beginning of SQLite's error name (https://www.sqlite.org/rescode.html).
_SQLITE = {
    "SQLITE_BUSY": BUSY,
    "SQLITE_LOCKED": BUSY,
    "SQLITE_FULL": FULL,
    "SQLITE_READONLY": READ_ONLY,
    "SQLITE_PERM": READ_ONLY,
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_NOTADB": DAMAGED,
    "SQLITE_CANTOPEN": Trouble(
        "the file cannot be opened",
        "check that the folder exists and that this user may write in it",
    ),
    "SQLITE_IOERR": Trouble(
        "the disk failed to read or write", "check the disk (dmesg) and its quota"
    ),
}
# By the beginning of SQLSTATE (PostgreSQL manual, appendix A).
_POSTGRES = {
    "28": Trouble("PostgreSQL refuses the login", "check the user and password"),
    "3D": Trouble("there is no such database", "create it: createdb"),
    "42501": Trouble(
        "the user lacks a privilege", "grant it: GRANT ALL ON SCHEMA public"
    ),
    "42P01": Trouble("gpuwatch's tables are gone", "restart `gpuwatch run`"),
    "53100": FULL,
    "53": Trouble("PostgreSQL has no resources left", "see its log"),
    "55P03": BUSY,
    "57014": BUSY,
    "25006": READ_ONLY,
    "40": BUSY,
    "57": AWAY,
    "08": AWAY,
}
_OTHER = Trouble("the database refused", "see the log of the database and of gpuwatch")


def explain(error: Exception, place: Place) -> StoreError:
    """The StoreError for an error of SQLAlchemy, a driver or the operating system.

    Only the driver's first line is quoted: what follows holds data.
    """
    if isinstance(error, PoolTimeout):
        return BUSY.error(place, "all connections are in use")
    cause = error.orig if isinstance(error, DBAPIError) else error
    detail = str(cause).strip().splitlines()[0][:300] if str(cause).strip() else ""
    return _trouble(cause).error(place, detail)


def _trouble(cause: BaseException | None) -> Trouble:
    if isinstance(cause, sqlite3.Error):
        return _match(_SQLITE, getattr(cause, "sqlite_errorname", ""))
    if isinstance(cause, PermissionError):
        return READ_ONLY
    if isinstance(cause, OSError):
        return _SQLITE["SQLITE_CANTOPEN"]
    if not hasattr(cause, "sqlstate"):
        return _OTHER
    state: str | None = getattr(cause, "sqlstate", None)
    return AWAY if state is None else _match(_POSTGRES, state)


def _match(table: dict[str, Trouble], name: str) -> Trouble:
    hits = [start for start in table if name.startswith(start)]
    return table[max(hits, key=len)] if hits else _OTHER
