"""Messages leave in order, once, and are remembered until they have left."""

import pytest

from gpuwatch.errors import StoreError
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.ports import Parcel
from gpuwatch.store import SqlStore, open_store
from tests.store.builders import EMPTY, card, note, saying

FIRST = Reason.FIRST
HERE = Receipt("C1", "1.0")


def ids(store: SqlStore, now: float = 100.0) -> list[str]:
    return [p.message.id for p in store.due(now, 100)]


def only(store: SqlStore, now: float = 100.0) -> Parcel:
    (found,) = store.due(now, 100)
    return found


def deliver(store: SqlStore, parcel: Parcel, receipt: Receipt = HERE) -> None:
    store.sending(parcel, 100.0)
    store.sent(parcel, receipt, 100.0)


def test_one_at_a_time_for_each_card_and_receiver(store: SqlStore) -> None:
    step = saying(card("m1", FIRST), note("n1"), note("n2"), card("k1", card_id="i2"))
    store.commit(step, EMPTY, ["slack", "webhook"])
    first = store.due(100.0, 100)
    assert [(p.message.id, p.receiver) for p in first] == [
        ("m1", "slack"),
        ("m1", "webhook"),
        ("k1", "slack"),
        ("k1", "webhook"),
    ]
    assert [p.message.id for p in store.due(100.0, 1)] == ["m1"]
    deliver(store, first[0])
    after = [(p.message.id, p.receiver) for p in store.due(100.0, 100)]
    assert after[:2] == [("m1", "webhook"), ("n1", "slack")]


def test_a_later_one_does_not_overtake_one_that_waits(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST), note("n1")), EMPTY, ["slack"])
    store.postpone(only(store), 130.0, "HTTP 500")
    assert ids(store, 129.0) == []
    again = only(store, 130.0)
    assert (again.message.id, again.state, again.error) == ("m1", "queued", "HTTP 500")


def test_after_a_crash_it_is_known_that_it_was_under_way(url: str) -> None:
    store = open_store(url, create=True)
    store.commit(saying(card("m1", FIRST), card("m2")), EMPTY, ["slack"])
    parcel = only(store)
    store.sending(parcel, 100.0)
    store.commit(saying(card("m3")), EMPTY, ["slack"])
    store.close()
    again = open_store(url, create=True)
    found = only(again)
    assert (found.message.id, found.state, found.attempts) == ("m1", "sending", 1)
    assert found.message.text == "text of m2"
    again.sent(found, HERE, 101.0)
    assert [p.message.text for p in again.due(100.0, 9)] == ["text of m3"]
    again.close()


def test_an_unsure_attempt_stays_under_way(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST)), EMPTY, ["slack"])
    store.sending(only(store), 100.0)
    store.postpone(only(store), 110.0, "timed out", unsure=True)
    assert ids(store, 109.0) == []
    assert only(store, 110.0).state == "sending"
    store.sending(only(store, 110.0), 110.0)
    assert only(store, 110.0).attempts == 2


def test_queued_edits_become_one(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST, mention=True)), EMPTY, ["slack"])
    store.postpone(only(store), 110.0, "HTTP 500")
    store.commit(saying(note("n1"), card("m2")), EMPTY, ["slack"])
    store.commit(saying(card("m3")), EMPTY, ["slack"])
    found = only(store, 110.0)
    assert (found.message.id, found.message.reason) == ("m1", FIRST)
    assert (found.message.text, found.message.mention) == ("text of m3", True)
    assert store.backlog(100.0)[0] == 2
    deliver(store, found)
    note_next = only(store, 110.0)
    assert note_next.message.id == "n1"
    deliver(store, note_next)
    assert ids(store) == []


def test_superseded_messages_do_not_come_back(store: SqlStore) -> None:
    step = saying(card("m1", FIRST), card("m2"))
    store.commit(step, EMPTY, ["slack"])
    deliver(store, only(store))
    store.commit(step, EMPTY, ["slack"])
    assert ids(store) == []


def test_the_first_receipt_of_a_card_is_its_address(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST), note("n1")), EMPTY, ["slack"])
    assert store.receipt("i1", "slack") is None
    deliver(store, only(store))
    deliver(store, only(store), Receipt("C1", "2.0"))
    assert store.receipt("i1", "slack") == HERE
    store.commit(saying(card("m2")), EMPTY, ["slack"])
    deliver(store, only(store), Receipt("C9", "3.0"))
    assert store.receipt("i1", "slack") == HERE
    assert store.receipt("i1", "webhook") is None
    store.forget_receipt("i1", "slack")
    store.commit(saying(card("m3")), EMPTY, ["slack"])
    deliver(store, only(store), Receipt("C1", "4.0"))
    assert store.receipt("i1", "slack") == Receipt("C1", "4.0")


def test_given_up_is_given_up(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST), note("n1")), EMPTY, ["slack"])
    parcel = only(store)
    store.give_up(parcel, "channel_not_found", 100.0)
    deliver(store, only(store))
    assert store.receipt("i1", "slack") is None
    with pytest.raises(StoreError, match="m1 to slack is no longer to be sent"):
        store.sending(parcel, 101.0)


def test_a_yes_counts_even_for_a_parcel_that_is_gone(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST)), EMPTY, ["slack"])
    parcel = only(store)
    store.give_up(parcel, "gone", 100.0)
    store.sent(parcel, HERE, 101.0)
    assert store.receipt("i1", "slack") == HERE


def test_a_whole_receiver_waits(store: SqlStore) -> None:
    step = saying(card("m1", FIRST), card("k1", FIRST, card_id="i2"), note("n1"))
    store.commit(step, EMPTY, ["slack", "webhook"])
    store.postpone(store.due(100.0, 1)[0], 200.0, "HTTP 500")
    store.postpone_receiver("slack", 130.0, "HTTP 429")
    assert {p.receiver for p in store.due(129.0, 100)} == {"webhook"}
    slack = [p for p in store.due(130.0, 100) if p.receiver == "slack"]
    assert [(p.message.id, p.error) for p in slack] == [("k1", "HTTP 429")]


def test_the_backlog_tells_its_age(store: SqlStore) -> None:
    assert store.backlog(100.0) == (0, 0.0)
    store.commit(saying(card("m1", FIRST), note("n1")), EMPTY, ["slack"])
    assert store.backlog(160.0) == (2, 60.0)
    store.give_up(only(store), "no", 100.0)
    assert store.backlog(40.0) == (1, 0.0)


def test_a_storm_of_edits_is_collapsed_as_it_is_sent(store: SqlStore) -> None:
    names = [f"i{n:03}" for n in range(600)]
    for prefix in ("first-", "edit-"):
        cards = [card(prefix + name, card_id=name) for name in names]
        store.commit(saying(*cards), EMPTY, ["slack"])
    found = store.due(100.0, 1000)
    assert [p.message.text for p in found] == [f"text of edit-{n}" for n in names[:500]]
    assert [p.message.id for p in found[:2]] == ["first-i000", "first-i001"]
    assert store.backlog(100.0)[0] == 700


def test_what_was_sent_is_not_sent_again(store: SqlStore) -> None:
    store.commit(saying(card("m1", FIRST)), EMPTY, ["slack"])
    parcel = only(store)
    deliver(store, parcel)
    store.postpone(parcel, 0.0, "late news")
    store.postpone_receiver("slack", 200.0, "late news")
    assert ids(store, 300.0) == []
    assert store.backlog(300.0) == (0, 0.0)
