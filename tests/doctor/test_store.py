"""The store: there, absent, foreign, newer, damaged, read-only, backed up."""

import os
import sqlite3
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from gpuwatch.doctor.store import store
from gpuwatch.settings import StoreSettings
from gpuwatch.store import open_store
from gpuwatch.store.migrating import head_revision
from tests.cli.conftest import braked
from tests.doctor.conftest import named, states
from tests.web.houses import built


def at(path: Path) -> StoreSettings:
    return StoreSettings(url=SecretStr(f"sqlite:///{path}"))


def made(path: Path) -> None:
    open_store(f"sqlite:///{path}", create=True).close()


def test_one_that_is_not_there_yet_is_fine_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "gpuwatch.db"
    found = list(store(at(path)))
    assert states(found) == {"store folder": "ok", "store": "ok"}
    assert "not there yet" in named(found, "store").what
    assert not path.parent.exists()


def test_a_good_one_tells_schema_and_size(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.db"
    made(path)
    found = list(store(at(path)))
    assert states(found) == {"store folder": "ok", "store": "ok"}
    what = named(found, "store").what
    assert what.startswith(f"{path}: schema {head_revision()}, 0.")
    assert what.endswith(" MB, 0 unsent messages")


def test_it_looks_while_a_daemon_holds_the_store(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.db"
    held = open_store(f"sqlite:///{path}", create=True)
    assert states(store(at(path)))["store"] == "ok"
    held.close()


def test_messages_that_wait_for_long(tmp_path: Path) -> None:
    with built(tmp_path) as house:
        house.site.now = time.time() - 7200
        braked(house)
        found = named(store(at(tmp_path / "gpuwatch.db")), "store")
    assert found.state == "warn"
    assert "unsent for 2 h" in found.what or "unsent for 1 h 5" in found.what


def test_a_newer_schema(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.db"
    made(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    found = named(store(at(path)), "store")
    assert found.state == "fail"
    assert "newer gpuwatch" in found.what
    assert found.mend.startswith("upgrade gpuwatch")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.db"
    path.write_text("not a database at all" * 100)
    found = named(store(at(path)), "store")
    assert found.state == "fail"
    assert "damaged or is no SQLite database" in found.what
    assert found.mend


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    found = named(store(at(tmp_path / "gpuwatch.db")), "store folder")
    tmp_path.chmod(0o700)
    assert found.state == "fail"
    assert str(tmp_path) in found.what


def test_a_disk_that_is_about_to_fill(tmp_path: Path) -> None:
    settings = at(tmp_path / "gpuwatch.db")
    found = named(store(settings, least_free_bytes=1 << 62), "store folder")
    assert found.state == "warn"
    assert found.mend == "free space there, or move store.url"


def test_an_address_that_is_none() -> None:
    (found,) = store(StoreSettings(url=SecretStr("mysql://bob:hush@db/x")))
    assert (found.state, found.mend) == ("fail", "correct store.url")
    assert "hush" not in repr(found)


def test_a_postgres_that_is_away() -> None:
    settings = StoreSettings(url=SecretStr("postgresql://bob:hush@127.0.0.1:9/x"))
    (found,) = store(settings)
    assert found.state == "fail"
    assert "PostgreSQL cannot be reached" in found.what
    assert "hush" not in repr(found)
