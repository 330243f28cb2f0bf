"""One database: connections, transactions, and what happens when it goes wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gpuwatch.errors import StoreError
from gpuwatch.store import engines
from gpuwatch.store.claim import Claim, claim_on
from gpuwatch.store.migrating import ensure_schema
from gpuwatch.store.place import Place
from gpuwatch.store.trouble import DAMAGED, explain

_ERRORS = (SQLAlchemyError, sqlite3.Error, OSError)


class Database:
    """Hands out one connection an operation, to any thread.

    Every error comes out as StoreError, its transaction rolled back and the pooled
    connections dropped, so that the next operation starts afresh.

    A SQLite file that is removed or replaced under us would swallow writes without a
    word. The first operation that notices raises StoreError. Where we may create, an
    empty migrated file is in place by then, and `reborn` stays true until
    `rewritten()` says that the caller has written its whole state into it.
    """

    def __init__(
        self, place: Place, *, create: bool, exclusive: bool, busy_seconds: float
    ) -> None:
        self.place, self.reborn, self.rebirths = place, False, 0
        self._create, self._closed = create, False
        self._busy_seconds, self._doubtful = busy_seconds, False
        self._identity: tuple[int, int] | None = None
        self._one = RLock()
        self._engine = engines.create(place, busy_seconds)
        self._claim: Claim | None = claim_on(place) if exclusive else None

    def open(self) -> None:
        """Claim, create and migrate, as far as we may; StoreError lets go of all."""
        try:
            with self._explained():
                self._prepare()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state and blocks nobody."""
        with self._explained():
            self._ensure()
            with self._engine.connect() as connection:
                reader = engines.for_reading(connection)
                with reader.begin():
                    yield reader

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start."""
        with self._explained():
            self._ensure()
            self._take_claim()
            self._forget_doubtful()
            with self._engine.begin() as connection:
                yield connection

    def rewritten(self) -> None:
        """The caller has written its whole state again after a rebirth."""
        self.reborn = False

    def close(self) -> None:
        """Let go of connections and claim; further use is a StoreError."""
        self._closed = True
        self._engine.dispose()
        if self._claim is not None:
            self._claim.release()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _ERRORS as error:
            self._engine.dispose()
            self._doubtful = True
            raise explain(error, self.place) from error

    def _forget_doubtful(self) -> None:
        # SQLite opens what it may not write for reading, and such a connection stays
        # read-only after the permission has come back.
        if self._doubtful:
            self._engine.dispose()
            self._doubtful = False

    def _take_claim(self) -> None:
        if self._claim is not None:
            self._claim.take()

    def _prepare(self) -> None:
        if self.place.path is not None:
            self._make_file()
        self._take_claim()
        if self._create and self.place.path is not None:
            engines.set_up_file(self.place.path, self._busy_seconds)
        with self._engine.begin() as connection:
            if self._create and self.place.path is not None:
                _refuse_damage(connection, self.place)
            ensure_schema(connection, self.place, create=self._create)
        self._identity = self._seen()

    def _make_file(self) -> None:
        path = self.place.path
        if path is None or path.is_file():
            return
        if not self._create:
            raise StoreError(
                f"{path}: there is no store; start `gpuwatch run` once, or set "
                "store.url",
                permanent=True,
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        self._take_claim()
        path.touch()

    def _seen(self) -> tuple[int, int] | None:
        try:
            found = self.place.path.stat() if self.place.path else None
        except FileNotFoundError:
            return None
        return (found.st_dev, found.st_ino) if found else None

    def _ensure(self) -> None:
        if self._closed:
            raise StoreError(f"{self.place.shown}: the store is closed", permanent=True)
        if self.place.path is None:
            return
        with self._one:
            if self._identity is None or self._seen() != self._identity:
                self._revive()

    def _revive(self) -> None:
        self._engine.dispose()
        self._identity = None
        if self._create and self.place.path is not None:
            _set_aside(self.place.path)
        self._prepare()
        self.reborn, self.rebirths = True, self.rebirths + 1
        raise StoreError(
            f"{self.place.shown}: the file was removed or replaced while in use; "
            "gpuwatch goes on with what is there now and writes its state anew"
        )


def _set_aside(path: Path) -> None:
    # The log of the file that is gone must not be replayed into its successor.
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    if log.exists():
        log.replace(f"{path}-wal.stale")
    index.unlink(missing_ok=True)


def _refuse_damage(connection: Connection, place: Place) -> None:
    verdict = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if verdict != "ok":
        raise DAMAGED.error(place, str(verdict))
