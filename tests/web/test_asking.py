"""What people ask of gpuwatch over HTTP."""

from typing import Any

import pytest

from gpuwatch.model.request import RequestKind
from tests.web.houses import House

SILENCE = {"kind": "silence", "by": "ann", "matchers": ["node=n1"], "ends_at": 2e6}


def braked(house: House) -> str:
    house.site.bits[3] = 0x80
    house.poll(2)
    return house.incident


def test_an_ack_is_written_and_the_next_cycle_takes_it_up(house: House) -> None:
    incident = braked(house)
    body = {"kind": "ack", "target": incident, "by": "ann", "comment": "on it"}
    answer = house.ask(body)
    assert answer.status_code == 202
    (asked,) = house.store.requests()
    assert answer.json() == {"request": asked.id, "silence": None}
    assert (asked.kind, asked.by, asked.comment) == (RequestKind.ACK, "ann", "on it")
    assert asked.at == house.now
    house.poll(1, house.store.requests())
    assert house.site.open[0].ack is not None
    assert not house.store.requests()


def test_a_silence_gets_an_id_by_which_it_can_be_ended_at_once(house: House) -> None:
    answer = house.ask(SILENCE)
    assert answer.status_code == 202
    (asked,) = house.store.requests()
    assert asked.silence is not None
    assert asked.silence.id == answer.json()["silence"]
    assert str(asked.silence.matchers[0]) == "node=n1"
    assert (asked.silence.starts_at, asked.silence.ends_at) == (house.now, 2e6)
    end = {"kind": "unsilence", "target": asked.silence.id, "by": "ann"}
    assert house.ask(end).status_code == 202
    house.poll(1, house.store.requests())
    assert house.ask(end).status_code == 202


def test_iso_times_are_understood(house: House) -> None:
    answer = house.ask({**SILENCE, "ends_at": "2026-11-24T06:00:00+01:00"})
    assert answer.status_code == 202
    (asked,) = house.store.requests()
    assert asked.silence is not None
    assert asked.silence.ends_at == 1_795_496_400.0


@pytest.mark.parametrize("target", ["n2", "GPU-n2-7"])
def test_a_node_or_a_gpu_can_be_forgotten(house: House, target: str) -> None:
    answer = house.ask({"kind": "forget", "target": target, "by": "ann"})
    assert answer.status_code == 202


@pytest.mark.parametrize("kind", ["ack", "close", "unsilence", "forget"])
def test_an_unknown_target_is_a_404(house: House, kind: str) -> None:
    answer = house.ask({"kind": kind, "target": "nobody", "by": "ann"})
    assert answer.status_code == 404
    assert "'nobody'" in answer.json()["error"]
    assert not house.store.requests()


def test_an_ended_incident_cannot_be_acknowledged(house: House) -> None:
    incident = braked(house)
    house.site.bits.clear()
    house.poll(6)
    answer = house.ask({"kind": "ack", "target": incident, "by": "ann"})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"kind": "reboot", "target": "n1", "by": "ann"}, "kind: "),
        ({"kind": "ack", "by": "ann"}, "target: "),
        ({"kind": "ack", "target": "x"}, "by: "),
        ({"kind": "ack", "target": "x", "by": "  "}, "by: "),
        ({"kind": "ack", "target": "x", "by": "a", "force": 1}, "force: "),
        ({"kind": "ack", "target": "x", "by": "a", "matchers": ["node=a"]}, "matchers"),
        ({**SILENCE, "matchers": []}, "matchers: "),
        ({**SILENCE, "matchers": ["nodes=n1"]}, "matchers: "),
        ({**SILENCE, "matchers": ["node=~("]}, "matchers: "),
        ({**SILENCE, "matchers": ["node=~a{99999999999}"]}, "matchers: "),
        ({**SILENCE, "ends_at": 5.0}, "ends_at: "),
        ({**SILENCE, "ends_at": None}, "ends_at: "),
        ({**SILENCE, "ends_at": "2026-11-24T06:00:00"}, "ends_at: "),
        ({**SILENCE, "target": "n1"}, "target: "),
        ("ack", "body: "),
    ],
)
def test_nonsense_is_told_in_one_line(house: House, body: Any, place: str) -> None:
    answer = house.ask(body)
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(place)
    assert not house.store.requests()


def test_a_broken_store_is_a_503(house: House) -> None:
    house.store.close()
    answer = house.ask(SILENCE)
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the store refuses: ")


def test_ten_thousand_characters_are_not_repeated(house: House) -> None:
    answer = house.ask({**SILENCE, "by": "x" * 10_000})
    assert answer.status_code == 422
    assert len(answer.text) < 400
