"""The right to be the only daemon on a store."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from threading import Lock
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from gpuwatch.errors import StoreError
from gpuwatch.store.engines import network
from gpuwatch.store.place import Place

# Two arbitrary words that name our advisory lock inside one database ("gpuw" "atch").
_LOCK_KEY = {"a": 0x67707577, "b": 0x61746368}
_TAKE = text("SELECT pg_try_advisory_lock(:a, :b)")
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.classid = :a AND l.objid = :b "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Claim(Protocol):
    """Held from `take` until `release`."""

    def take(self) -> None:
        """Get it, or make sure that it is still ours; StoreError names the holder."""

    def release(self) -> None:
        """Let another one have it."""


def claim_on(place: Place) -> Claim:
    """The claim that suits the place; not yet taken."""
    return FileClaim(place) if place.path else DatabaseClaim(place)


def _taken(place: Place, holder: str) -> StoreError:
    return StoreError(
        f"{place.shown}: another gpuwatch ({holder}) works on it; stop that one, or "
        "give this one its own store.url",
        permanent=True,
    )


class FileClaim:
    """A lock on `<database file>.lock`, which holds our pid; gone with the process."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._path = Path(f"{place.path}.lock")
        self._file: int | None = None
        self._one = Lock()

    def take(self) -> None:
        """Lock the file; again, if somebody removed it meanwhile."""
        with self._one:
            if not self._holds():
                self._drop()
                self._file = self._lock()

    def release(self) -> None:
        """Unlock; the file stays, since removing it would race with the next one."""
        with self._one:
            self._drop()

    def _holds(self) -> bool:
        if self._file is None:
            return False
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(self._file), there)

    def _lock(self) -> int:
        # flock belongs to the open file: a second store in one process fails too.
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(file, 32, 0).decode("ascii", "replace").strip()
            os.close(file)
            raise _taken(self._place, f"pid {pid or 'unknown'}") from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        return file

    def _drop(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


class DatabaseClaim:
    """An advisory lock that lives as long as one connection of its own."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._name = f"gpuwatch {socket.gethostname()[:30]} pid {os.getpid()}"
        self._engine: Engine = create_engine(
            place.url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,
            connect_args={**network(place), "application_name": self._name},
        )
        self._connection: Connection | None = None
        self._one = Lock()

    def take(self) -> None:
        """Ask over the connection, which also keeps it alive; lock anew if it broke."""
        with self._one:
            if self._connection is None or not self._alive(self._connection):
                self._drop()
                self._connection = self._lock()

    def release(self) -> None:
        """Close the connection, and with it the lock."""
        with self._one:
            self._drop()

    def _alive(self, connection: Connection) -> bool:
        try:
            connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def _lock(self) -> Connection:
        connection = self._engine.connect()
        try:
            if connection.execute(_TAKE, _LOCK_KEY).scalar_one():
                return connection
            holder = connection.execute(_HOLDER, _LOCK_KEY).scalar() or "unknown"
        except BaseException:
            connection.close()
            raise
        connection.close()
        raise _taken(self._place, holder)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
