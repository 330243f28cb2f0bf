"""A SQLite file in trouble: one clear line, nothing half written, and on it goes."""

import os
import pwd
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gpuwatch.engine.step import Step
from gpuwatch.errors import StoreError
from gpuwatch.store import SqlStore, open_store
from tests.store.builders import EMPTY, card, event, incident, saying, two_gpus

STEP = replace(
    saying(card("m1")), incidents=(incident(),), events=(event(),), fleet_changed=True
)


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def fails(store: SqlStore, step: Step = STEP) -> StoreError:
    with pytest.raises(StoreError) as caught:
        store.commit(step, two_gpus(), ["slack"])
    assert "\n" not in caught.value.reason
    return caught.value


def assert_empty(store: SqlStore) -> None:
    memory, fleet = store.load("c1")
    assert (memory.incidents, len(fleet), store.backlog(0.0)) == ({}, 0, (0, 0.0))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_locked_by_another_program(file_store: SqlStore, sqlite_url: str) -> None:
    path = path_of(sqlite_url)
    with locked(path):
        error = fails(file_store)
        assert error.reason.startswith(f"{path}: locked by another program")
        assert not error.permanent
        assert_empty(file_store)
    file_store.commit(STEP, EMPTY, ["slack"])
    assert file_store.backlog(100.0) == (1, 0.0)


def test_no_room_left(file_store: SqlStore) -> None:
    with file_store._database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    big = replace(STEP, incidents=tuple(incident(f"i{n}") for n in range(500)))
    error = fails(file_store, big)
    assert "the disk is full" in error.reason
    assert not error.permanent
    assert_empty(file_store)
    file_store.commit(big, EMPTY, ["slack"])
    assert len(file_store.load("c1")[0].incidents) == 500


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    command = f"mount -t tmpfs -o size=1m gpuwatch-test {folder} 2>/dev/null"
    if os.system(command) != 0:  # noqa: S605
        folder.rmdir()
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    os.system(f"umount {folder}")  # noqa: S605
    folder.rmdir()


def test_a_full_disk(small_disk: Path) -> None:
    store = open_store(f"sqlite:///{small_disk}/gpuwatch.db", create=True)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 2_000_000)
    big = replace(STEP, incidents=tuple(incident(f"i{n}") for n in range(500)))
    error = fails(store, big)
    assert "disk" in error.reason
    filler.unlink()
    assert_empty(store)
    store.commit(STEP, EMPTY, ["slack"])
    assert store.incident("i1") == incident()
    store.close()


@contextmanager
def unprivileged() -> Iterator[None]:
    before = os.geteuid()
    if before == 0:
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    shutil.rmtree(folder)


def test_a_read_only_file(open_folder: Path) -> None:
    path = open_folder / "gpuwatch.db"
    url = f"sqlite:///{path}"
    with unprivileged():
        open_store(url, create=True).close()
        path.chmod(0o444)
        store = open_store(url, create=False, exclusive=False)
        error = fails(store)
        assert error.reason.startswith(f"{path}: it cannot be written")
        assert "write permission" in error.reason
        assert_empty(store)
        for file in open_folder.glob("gpuwatch.db*"):
            file.chmod(0o644)
        store.commit(STEP, EMPTY, [])
        store.close()


def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    open_folder.chmod(0o555)
    with unprivileged():
        for name in ("gpuwatch.db", "deeper/gpuwatch.db"):
            with pytest.raises(StoreError, match="it cannot be written"):
                open_store(f"sqlite:///{open_folder}/{name}", create=True)


def test_garbage_is_no_store(sqlite_url: str) -> None:
    path = path_of(sqlite_url)
    path.parent.mkdir()
    path.write_bytes(b"not a database at all" * 500)
    for create in (True, False):
        with pytest.raises(StoreError, match="damaged or is no SQLite") as caught:
            open_store(sqlite_url, create=create)
        assert caught.value.permanent
        assert "move it aside" in caught.value.reason


def test_a_damaged_file_is_refused_at_the_start(sqlite_url: str) -> None:
    path = path_of(sqlite_url)
    store = open_store(sqlite_url, create=True)
    many = tuple(incident(f"i{n}") for n in range(500))
    store.commit(Step("c1", 1.0, incidents=many), EMPTY, [])
    store.close()
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + b"\xff" * 20_000 + whole[middle + 20_000 :])
    with pytest.raises(StoreError, match="the file is damaged") as caught:
        open_store(sqlite_url, create=True)
    assert caught.value.permanent


def test_a_body_that_cannot_be_read(file_store: SqlStore) -> None:
    file_store.commit(STEP, EMPTY, [])
    with file_store._database.writing() as connection:
        connection.exec_driver_sql("UPDATE incidents SET body = '{\"id\": 1}'")
    with pytest.raises(StoreError, match="holds a Incident that cannot be read"):
        file_store.load("c1")


def test_a_column_that_cannot_be_read(file_store: SqlStore) -> None:
    with file_store._database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO kept VALUES ('c1','r','n',x'0102')")
    with pytest.raises(StoreError, match=r"column 'r.n' that cannot be read"):
        file_store.load("c1")


def test_a_fact_that_is_no_json_stops_the_whole_step(file_store: SqlStore) -> None:
    error = fails(file_store, replace(STEP, facts={"odd": object()}))
    assert "the fact 'odd' is no JSON value" in error.reason
    assert_empty(file_store)


@pytest.mark.parametrize("what", ["file", "all files", "folder"])
def test_a_removed_file_is_made_again(
    file_store: SqlStore, sqlite_url: str, what: str
) -> None:
    path = path_of(sqlite_url)
    file_store.commit(STEP, two_gpus(), ["slack"])
    if what == "folder":
        shutil.rmtree(path.parent)
    for file in path.parent.glob("*" if what == "all files" else path.name):
        file.unlink()
    error = fails(file_store)
    assert error.reason.startswith(f"{path}: the file was removed or replaced")
    assert not error.permanent
    assert file_store.reborn is True
    assert_empty(file_store)
    file_store.commit(replace(STEP, fleet_changed=False), two_gpus(), ["slack"])
    assert len(file_store.load("c1")[1]) == 2
    file_store.rewritten()
    assert (file_store.reborn, file_store.rebirths) == (False, 1)
    with pytest.raises(StoreError, match="another gpuwatch"):
        open_store(sqlite_url, create=True)


def test_a_replaced_file_is_noticed(
    file_store: SqlStore, sqlite_url: str, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    old = open_store(f"sqlite:///{backup}", create=True)
    old.commit(Step("c1", 1.0, incidents=(incident("old"),)), EMPTY, [])
    old.close()
    backup.rename(path_of(sqlite_url))
    with pytest.raises(StoreError, match="removed or replaced"):
        file_store.backlog(0.0)
    assert file_store.reborn is True
    assert [i.id for i in file_store.incidents()] == ["old"]


def test_one_that_may_not_create_waits_for_the_file(
    file_store: SqlStore, sqlite_url: str
) -> None:
    reader = open_store(sqlite_url, create=False, exclusive=False)
    path_of(sqlite_url).unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match="there is no store"):
            reader.incidents()
    with pytest.raises(StoreError, match="removed or replaced"):
        file_store.backlog(0.0)
    with pytest.raises(StoreError, match="removed or replaced"):
        reader.incidents()
    assert reader.incidents() == []
    reader.close()
