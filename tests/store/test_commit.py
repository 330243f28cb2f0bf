"""A step is written whole, once, and comes back as it was."""

from dataclasses import replace

import numpy as np

from gpuwatch.engine.step import Step
from gpuwatch.model.condition import State
from gpuwatch.model.identity import Subject
from gpuwatch.model.message import Reason
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence, parse_matcher
from gpuwatch.store import SqlStore, open_store
from tests.store.builders import EMPTY, GPU, card, condition, event, incident, saying

SILENCE = Silence("s1", (parse_matcher("node=~n.*"),), 1.0, float("inf"), "ann", "x")


def whole_step() -> Step:
    return Step(
        "c1",
        100.0,
        conditions={condition().key: condition()},
        incidents=(incident(),),
        events=(event("opened"), event("worse", at=101.0)),
        messages=(card("m1", Reason.FIRST),),
        kept={("thermal_slowdown", "baseline"): np.array([1.5, np.nan, np.inf])},
        facts={"judged": {"thermal_slowdown": 90.0}, "boots": [1, None, "x"]},
        silences=(SILENCE,),
    )


def test_a_step_comes_back(store: SqlStore, url: str) -> None:
    store.commit(whole_step(), EMPTY, ["slack"])
    store.close()
    again = open_store(url, create=False)
    memory, _ = again.load("c1")
    assert memory.conditions == {condition().key: condition()}
    assert memory.incidents == {"i1": incident()}
    column = memory.kept["thermal_slowdown", "baseline"]
    np.testing.assert_array_equal(column, [1.5, np.nan, np.inf])
    assert memory.facts == whole_step().facts
    assert again.story("i1") == [event("opened"), event("worse", at=101.0)]
    assert again.incident("i1") == incident()
    assert again.incident("i2") is None
    again.close()


def test_a_silence_without_end_stays_without_end(store: SqlStore) -> None:
    store.commit(whole_step(), EMPTY, [])
    kept = store.load("c1")[0].silences["s1"]
    assert kept.matchers == SILENCE.matchers
    assert kept.active(1e18)


def test_other_clusters_are_left_alone(store: SqlStore) -> None:
    store.commit(whole_step(), EMPTY, [])
    memory, fleet = store.load("c2")
    assert (memory.conditions, memory.incidents, memory.kept) == ({}, {}, {})
    assert (memory.facts, memory.silences, len(fleet)) == ({}, {}, 0)


def test_committing_twice_is_committing_once(store: SqlStore) -> None:
    for _ in range(2):
        store.commit(whole_step(), EMPTY, ["slack", "webhook"])
    assert len(store.story("i1")) == 2
    assert store.backlog(160.0) == (2, 60.0)
    (slack, webhook) = store.due(200.0, 10)
    assert (slack.receiver, webhook.receiver) == ("slack", "webhook")
    store.sending(slack, 200.0)
    store.commit(whole_step(), EMPTY, ["slack"])
    assert [p.state for p in store.due(200.0, 10)] == ["sending", "queued"]


def test_changes_overwrite_and_none_forgets(store: SqlStore) -> None:
    store.commit(whole_step(), EMPTY, [])
    over = replace(incident(), state=State.RESOLVED, resolved_at=120.0)
    xid = replace(condition(), subject=replace(GPU, detail="79"))
    store.commit(
        Step(
            "c1",
            120.0,
            conditions={condition().key: None, xid.key: xid},
            incidents=(over,),
            facts={"boots": []},
        ),
        EMPTY,
        [],
    )
    memory, _ = store.load("c1")
    assert memory.conditions == {xid.key: xid}
    assert memory.incidents == {"i1": over}
    assert memory.facts == {"judged": {"thermal_slowdown": 90.0}, "boots": []}


def test_evidence_that_is_no_number_is_dropped(store: SqlStore) -> None:
    odd = replace(
        incident(),
        evidence={"a": float("nan"), "b": 1.0, "c": float("inf")},
        unknown_since=float("nan"),
    )
    store.commit(Step("c1", 1.0, incidents=(odd,)), EMPTY, [])
    found = store.incident("i1")
    assert found is not None
    assert found.evidence == {"b": 1.0}
    assert found.unknown_since == 0.0


def test_numpy_numbers_are_numbers(store: SqlStore) -> None:
    odd = replace(incident(), evidence={"a": np.float64(1.5), "b": 2.0})
    store.commit(Step("c1", 1.0, incidents=(odd,), facts={"n": np.int64(3)}), EMPTY, [])
    memory, _ = store.load("c1")
    assert memory.incidents["i1"].evidence == {"a": 1.5, "b": 2.0}
    assert memory.facts == {"n": 3}


def test_labels_of_strangers_are_kept(store: SqlStore) -> None:
    names = ["nul\0nul", "back\\0slash", "'; DROP TABLE gpus; --", "x" * 20_000, "é"]
    found = [condition(Subject("c1", name)) for name in names]
    store.commit(Step("c1", 1.0, conditions={c.key: c for c in found}), EMPTY, [])
    assert store.load("c1")[0].conditions == {c.key: c for c in found}
    gone = {c.key: None for c in found[:4]}
    store.commit(Step("c1", 2.0, conditions=gone), EMPTY, [])
    assert store.load("c1")[0].conditions == {found[4].key: found[4]}


def test_a_lone_surrogate_does_not_stop_the_step(store: SqlStore) -> None:
    odd = condition(Subject("c1", "bad\ud800"))
    store.commit(
        Step("c1", 1.0, conditions={odd.key: odd}, messages=(card("m\ud800"),)),
        EMPTY,
        ["slack"],
    )
    assert store.load("c1")[0].conditions.keys() == {
        ("thermal_slowdown", Subject("c1", "bad?"))
    }
    assert [p.message.text for p in store.due(1.0, 9)] == ["text of m?"]


def test_requests_wait_until_a_step_took_them(store: SqlStore) -> None:
    ack = Request(RequestKind.ACK, 5.0, "ann", "i1", "mine")
    mute = Request(RequestKind.SILENCE, 6.0, "bob", silence=SILENCE)
    first, second = store.ask(ack), store.ask(mute)
    waiting = store.requests()
    assert waiting[0] == replace(ack, id=first)
    assert waiting[1].id == second
    assert waiting[1].silence is not None
    assert waiting[1].silence.active(1e18)
    store.commit(Step("c1", 7.0, taken=(first,)), EMPTY, [])
    assert [r.id for r in store.requests()] == [second]
    store.commit(Step("c1", 8.0, taken=(second,)), EMPTY, [])
    assert store.ask(ack) > second


def test_incidents_are_listed_newest_first(store: SqlStore) -> None:
    old = incident("old", detected_at=10.0)
    over = incident("over", detected_at=20.0, state=State.RESOLVED, resolved_at=25.0)
    new = incident("new", detected_at=30.0)
    store.commit(Step("c1", 40.0, incidents=(old, new, over)), EMPTY, [])
    assert [i.id for i in store.incidents()] == ["new", "over", "old"]
    assert [i.id for i in store.incidents(open_only=True)] == ["new", "old"]
    assert [i.id for i in store.incidents(limit=1)] == ["new"]


def test_five_thousand_incidents_in_one_step(store: SqlStore) -> None:
    found = tuple(incident(f"i{n}") for n in range(5000))
    cards = tuple(card(f"m{n}", card_id=f"i{n}") for n in range(5000))
    step = replace(saying(*cards), incidents=found)
    store.commit(step, EMPTY, ["slack"])
    assert len(store.load("c1")[0].incidents) == 5000
    assert store.backlog(100.0) == (5000, 0.0)
    assert len(store.due(100.0, 20)) == 20
