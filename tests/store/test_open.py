"""Who may open which store, and what the others are told."""

import os
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from gpuwatch.errors import StoreError
from gpuwatch.store import SqlStore, open_store
from gpuwatch.store.schema import metadata
from tests.store.builders import EMPTY, incident, saying


def refused(url: str, *, create: bool = False, exclusive: bool = False) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(url, create=create, exclusive=exclusive, busy_timeout_seconds=0.1)
    assert caught.value.permanent
    assert "\n" not in caught.value.reason
    return caught.value.reason


def set_version(store: SqlStore, version: str) -> None:
    with store._database.writing() as connection:
        update = text("UPDATE alembic_version SET version_num = :version")
        connection.execute(update, {"version": version})
    store.close()


def test_migrations_lead_to_the_tables_in_the_code(store: SqlStore) -> None:
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_only_run_makes_a_store(url: str, sqlite_url: str) -> None:
    reason = refused(url)
    assert "start `gpuwatch run` once" in reason
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    assert not path.parent.exists()


def test_a_newer_schema_is_refused(store: SqlStore, url: str) -> None:
    set_version(store, "9999")
    for create in (True, False):
        reason = refused(url, create=create)
        assert "was written by a newer gpuwatch (schema 9999, this one knows 0001)" in (
            reason
        )


def test_a_second_daemon_is_refused(store: SqlStore, url: str) -> None:
    reason = refused(url, create=True, exclusive=True)
    assert f"pid {os.getpid()}" in reason
    assert "another gpuwatch" in reason
    assert "secret" not in reason
    reader = open_store(url, create=False, exclusive=False)
    reader.close()
    store.close()
    open_store(url, create=True).close()


def test_a_second_daemon_is_refused_even_if_the_lock_file_was_removed(
    file_store: SqlStore, sqlite_url: str
) -> None:
    lock = Path(sqlite_url.removeprefix("sqlite:///") + ".lock")
    assert lock.read_text() == f"{os.getpid()}\n"
    lock.unlink()
    file_store.commit(saying(), EMPTY, [])
    assert f"pid {os.getpid()}" in refused(sqlite_url, create=True, exclusive=True)


def test_a_store_survives_a_restart(url: str) -> None:
    for _ in range(2):
        store = open_store(url, create=True)
        store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.backlog(0.0)


def test_another_programs_file_is_left_alone(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE dashboards (id INTEGER)")
    connection.close()
    assert "belongs to another program (it has a table 'dashboards')" in refused(
        sqlite_url, create=True
    )
    assert "is not ready" in refused(sqlite_url)


def test_odd_paths_work(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gpu.db?"
    with pytest.raises(StoreError, match="without options"):
        open_store(url, create=True)
    url = f"sqlite:///{tmp_path}/a b 100%#é/gpu watch.db"
    store = open_store(url, create=True)
    store.commit(saying(), EMPTY, [])
    store.close()
    assert (tmp_path / "a b 100%#é" / "gpu watch.db").stat().st_size > 0


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x.db",
        "mysql://root:hunter2@h/db",
        "hunter2",
        "",
    ],
)
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    reason = refused(url, create=True)
    assert "write it like sqlite:////" in reason
    assert "hunter2" not in reason


def test_a_reader_sees_the_daemons_commits_while_it_runs(
    store: SqlStore, url: str
) -> None:
    reader = open_store(url, create=False, exclusive=False)
    assert reader.incidents() == []
    step = saying()
    store.commit(type(step)("c1", 1.0, incidents=(incident(),)), EMPTY, [])
    assert reader.incidents() == [incident()]
    reader.close()


def test_sqlite_is_set_up_to_lose_nothing(file_store: SqlStore) -> None:
    with file_store._database.writing() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in (
                "journal_mode",
                "synchronous",
                "foreign_keys",
                "busy_timeout",
                "auto_vacuum",
            )
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 100,
        "auto_vacuum": 2,
    }
