"""The cycle, the delivery, the web page and another process, all at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from gpuwatch.engine.step import Step
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.store import SqlStore, open_store
from tests.store.builders import EMPTY, card, event, incident

ROUNDS = 30


def commit_all(store: SqlStore, together: Barrier) -> None:
    together.wait()
    for n in range(ROUNDS):
        store.commit(
            Step(
                "c1",
                float(n),
                incidents=(incident(f"i{n}"),),
                events=(event(incident_id=f"i{n}"),),
                messages=(card(f"m{n}", Reason.FIRST, card_id=f"i{n}"),),
            ),
            EMPTY,
            ["slack"],
        )


def deliver_all(store: SqlStore, together: Barrier) -> list[str]:
    together.wait()
    delivered: list[str] = []
    while len(delivered) < ROUNDS:
        for parcel in store.due(1e9, 5):
            store.sending(parcel, 1.0)
            store.sent(parcel, Receipt("C1", parcel.message.id), 1.0)
            delivered.append(parcel.message.id)
    return delivered


def ask_all(store: SqlStore, together: Barrier) -> list[int]:
    together.wait()
    return [
        store.ask(Request(RequestKind.ACK, 1.0, "ann", f"i{n}")) for n in range(ROUNDS)
    ]


def look_all(store: SqlStore, together: Barrier) -> None:
    together.wait()
    for _ in range(ROUNDS):
        for found in store.incidents():
            assert len(store.story(found.id)) == 1


def test_four_threads_and_a_second_writer(store: SqlStore, url: str) -> None:
    command = open_store(url, create=False, exclusive=False)
    together = Barrier(5, timeout=30)
    with ThreadPoolExecutor(5) as threads:
        cycle = threads.submit(commit_all, store, together)
        delivery = threads.submit(deliver_all, store, together)
        web = threads.submit(look_all, store, together)
        asked = threads.submit(ask_all, store, together)
        asked_outside = threads.submit(ask_all, command, together)
        cycle.result()
        web.result()
        assert sorted(delivery.result()) == sorted(f"m{n}" for n in range(ROUNDS))
        ids = {*asked.result(), *asked_outside.result()}
    assert {r.id for r in store.requests()} == ids
    assert len(ids) == 2 * ROUNDS
    assert store.backlog(1.0) == (0, 0.0)
    command.close()
