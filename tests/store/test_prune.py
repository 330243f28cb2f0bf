"""Retention forgets what is over, and nothing else."""

from dataclasses import replace
from pathlib import Path

from gpuwatch.engine.step import Step
from gpuwatch.model.condition import State
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence
from gpuwatch.store import SqlStore
from tests.store.builders import EMPTY, GPU, card, condition, event, incident, note

ASK = Request(RequestKind.ACK, 5.0, "ann", "i1")


def deliver(store: SqlStore, now: float) -> None:
    for parcel in store.due(now, 100):
        store.sending(parcel, now)
        store.sent(parcel, Receipt("C1", parcel.message.card_id), now)


def fill(store: SqlStore) -> None:
    over, late, alive = (
        incident("over", state=State.RESOLVED, resolved_at=50.0),
        incident("late", state=State.RESOLVED, resolved_at=150.0),
        incident("open"),
    )
    places = [replace(GPU, detail=name) for name in ("over", "late", "open")]
    found = [
        condition(place, incident_id=place.detail, state=state)
        for place, state in zip(
            places, [State.RESOLVED, State.RESOLVED, State.FIRING], strict=True
        )
    ]
    taken = store.ask(ASK)
    store.commit(
        Step(
            "c1",
            50.0,
            conditions={c.key: c for c in found},
            incidents=(over, late, alive),
            events=tuple(event(incident_id=i) for i in ("over", "late", "open")),
            messages=tuple(
                card(f"m-{i}", Reason.FIRST, card_id=i) for i in ("over", "open")
            ),
            taken=(taken,),
            silences=(
                Silence("past", (), 0.0, 60.0, "ann", ""),
                Silence("now", (), 0.0, 600.0, "ann", ""),
            ),
        ),
        EMPTY,
        ["slack"],
    )


def test_what_ended_before_goes_and_the_rest_stays(store: SqlStore) -> None:
    fill(store)
    deliver(store, 50.0)
    waiting = store.ask(ASK)
    assert store.prune(100.0) == 1
    memory, _ = store.load("c1")
    assert set(memory.incidents) == {"late", "open"}
    assert {subject.detail for _, subject in memory.conditions} == {"late", "open"}
    assert set(memory.silences) == {"now"}
    assert store.story("over") == []
    assert len(store.story("open")) == 1
    assert store.receipt("over", "slack") is None
    assert store.receipt("open", "slack") == Receipt("C1", "open")
    assert [r.id for r in store.requests()] == [waiting]
    assert store.prune(100.0) == 0


def test_what_is_unsent_stays_with_its_address(store: SqlStore) -> None:
    fill(store)
    deliver(store, 50.0)
    store.commit(
        Step("c1", 60.0, messages=(note("n", card_id="over"),)), EMPTY, ["slack"]
    )
    assert store.prune(100.0) == 1
    assert [p.message.id for p in store.due(100.0, 9)] == ["n"]
    assert store.receipt("over", "slack") == Receipt("C1", "over")


def test_a_firing_condition_of_a_closed_incident_stays(store: SqlStore) -> None:
    over = incident("over", state=State.RESOLVED, resolved_at=50.0)
    firing = condition(incident_id="over")
    store.commit(
        Step("c1", 50.0, conditions={firing.key: firing}, incidents=(over,)), EMPTY, []
    )
    assert store.prune(100.0) == 1
    assert set(store.load("c1")[0].conditions) == {firing.key}


def test_space_goes_back_to_the_disk(file_store: SqlStore, sqlite_url: str) -> None:
    over = tuple(
        incident(f"i{n}", state=State.RESOLVED, resolved_at=50.0) for n in range(2000)
    )
    file_store.commit(Step("c1", 50.0, incidents=over), EMPTY, [])
    with file_store._database.reading() as connection:
        before = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    assert file_store.prune(100.0) == 2000
    with file_store._database.reading() as connection:
        after = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    assert (before > 300, after < 100, free) == (True, True, 0)
    assert Path(sqlite_url.removeprefix("sqlite:///")).exists()
