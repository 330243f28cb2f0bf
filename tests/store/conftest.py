"""Stores to test with: the same suite on SQLite files and on a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gpuwatch.store import SqlStore, open_store
from tests.store.postgres import Postgres, find_binaries, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    with running_postgres(binaries) as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'gpuwatch.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        found: str = request.getfixturevalue("sqlite_url")
        return found
    server: Postgres = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    opened = open_store(url, create=True)
    yield opened
    opened.close()


@pytest.fixture
def file_store(sqlite_url: str) -> Iterator[SqlStore]:
    opened = open_store(sqlite_url, create=True, busy_timeout_seconds=0.1)
    yield opened
    opened.close()
