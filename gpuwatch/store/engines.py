"""SQLAlchemy engines, set up so that nothing is lost and nobody waits for ever."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from gpuwatch.errors import StoreError
from gpuwatch.store.place import Place

_READING = "gpuwatch_reading"
# A dead network is noticed within about 25 s instead of the kernel's 15 min.
_NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# Both are written into the file for good; auto_vacuum counts before the first table.
_BIRTH = ("PRAGMA auto_vacuum=INCREMENTAL", "PRAGMA journal_mode=WAL")
_SESSION = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA journal_size_limit=67108864",
)


def create(place: Place, busy_timeout_seconds: float) -> Engine:
    """An engine for the place.

    Args:
        place: where.
        busy_timeout_seconds: how long a writer waits for another one's lock.
    """
    if place.path is None:
        return _postgres(place, busy_timeout_seconds)
    return _sqlite(place.path, busy_timeout_seconds)


def for_reading(connection: Connection) -> Connection:
    """The connection, set so that its next transaction only reads, and one state."""
    if connection.dialect.name == "sqlite":
        return connection.execution_options(**{_READING: True})
    return connection.execution_options(isolation_level="REPEATABLE READ")


def network(place: Place) -> dict[str, int]:
    """Libpq's connection settings, where the URL does not say otherwise."""
    return {k: v for k, v in _NETWORK.items() if k not in place.url.query}


def set_up_file(path: Path, busy_timeout_seconds: float) -> None:
    """Write into a SQLite file what stays in it: write-ahead log, small vacuums."""
    connection = _connect(path, busy_timeout_seconds, _BIRTH)
    connection.close()


def _connect(
    path: Path, busy_timeout_seconds: float, statements: Sequence[str]
) -> sqlite3.Connection:
    # mode=rw: a file that was removed must be noticed, not silently made anew.
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=busy_timeout_seconds,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _sqlite(path: Path, busy_timeout_seconds: float) -> Engine:
    def connect() -> sqlite3.Connection:
        return _connect(path, busy_timeout_seconds, _SESSION)

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, hide_parameters=True
    )
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    # A writer takes its lock first: upgrading a reader's fails without waiting.
    reading = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgres(place: Place, busy_timeout_seconds: float) -> Engine:
    lock_timeout = f"SET lock_timeout = {int(busy_timeout_seconds * 1000)}"

    def prepare(connection: Any, _record: object) -> None:
        connection.execute(lock_timeout)
        connection.commit()

    try:
        engine = create_engine(
            place.url,
            connect_args=network(place),
            pool_pre_ping=True,
            hide_parameters=True,
        )
    except ImportError as error:
        raise StoreError(
            f"{place.shown}: PostgreSQL needs psycopg; install gpuwatch's `postgres` "
            f"extra ({error})",
            permanent=True,
        ) from error
    event.listen(engine, "connect", prepare)
    return engine
