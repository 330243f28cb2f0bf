"""PostgreSQL goes away and comes back; passwords stay hidden."""

from dataclasses import replace

import psycopg
import pytest

from gpuwatch.errors import StoreError
from gpuwatch.store import open_store
from gpuwatch.testing import claimed_port
from tests.store.builders import EMPTY, card, incident, saying
from tests.store.postgres import Postgres

STEP = replace(saying(card("m1")), incidents=(incident(),))


def test_it_goes_away_and_comes_back(postgres: Postgres) -> None:
    url = postgres.database()
    store = open_store(url, create=True)
    store.commit(STEP, EMPTY, ["slack"])
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(StoreError) as caught:
                store.commit(STEP, EMPTY, ["slack"])
            reason = caught.value.reason
            shown = url.replace("secret", "***")
            assert reason.startswith(f"{shown}: PostgreSQL cannot be reached")
            assert not caught.value.permanent
            assert "\n" not in reason
            with pytest.raises(StoreError, match="cannot be reached"):
                store.incidents()
    finally:
        postgres.start()
    store.commit(replace(STEP, incidents=(incident("i2"),)), EMPTY, ["slack"])
    assert {i.id for i in store.incidents()} == {"i1", "i2"}
    with pytest.raises(StoreError, match="another gpuwatch"):
        open_store(url, create=True)
    store.close()


def test_a_stolen_claim_is_noticed(postgres: Postgres) -> None:
    url = postgres.database()
    store = open_store(url, create=True)
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    )
    thief = open_store(url, create=True)
    with pytest.raises(StoreError, match="another gpuwatch"):
        store.commit(STEP, EMPTY, ["slack"])
    assert thief.incidents() == []
    thief.close()
    store.commit(STEP, EMPTY, ["slack"])
    store.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (":secret@", ":wrong-secret@", "PostgreSQL"),
        ("/test_", "/missing_", "there is no such database|cannot be reached"),
        ("", "?password=secret", "is not ready"),
    ],
)
def test_no_error_shows_the_password(
    postgres: Postgres, old: str, new: str, words: str
) -> None:
    url = postgres.database()
    url = url.replace(old, new) if old else url + new
    with pytest.raises(StoreError, match=words) as caught:
        open_store(url, create=False)
    assert "secret" not in caught.value.reason


def test_nobody_listens() -> None:
    with claimed_port() as port:
        url = f"postgresql://gpuwatch:secret@127.0.0.1:{port}/gpuwatch"
        with pytest.raises(StoreError, match="PostgreSQL cannot be reached"):
            open_store(url, create=True)


def test_another_programs_tables_are_left_alone(postgres: Postgres) -> None:
    url = postgres.database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE incidents (theirs text)")
    with pytest.raises(StoreError, match="it has a table 'incidents'"):
        open_store(url, create=True)


def test_a_lock_that_is_never_let_go(postgres: Postgres) -> None:
    url = postgres.database()
    store = open_store(url, create=True, busy_timeout_seconds=0.1)
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE incidents")
        with pytest.raises(StoreError, match="locked by another program"):
            store.commit(STEP, EMPTY, ["slack"])
        other.rollback()
    assert store.backlog(0.0) == (0, 0.0)
    store.commit(STEP, EMPTY, ["slack"])
    store.close()
