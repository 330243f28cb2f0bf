"""The JSON incident that outsiders rely on."""

import json
from dataclasses import replace

import pytest

from gpuwatch.incidents.record import as_record, document, iso
from gpuwatch.model.condition import Ending, State
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.severity import Category, Scope, Severity

NODE = "node-17"
HOT = Incident(
    id="gw-1",
    cluster="a",
    lead="thermal_slowdown",
    category=Category.THERMAL,
    state=State.FIRING,
    severity=Severity.CRITICAL,
    scope=Scope.GPU,
    started_at=1_795_500_000.999,
    detected_at=1_795_500_015.5,
    updated_at=1_795_500_030.0,
    members=(Member(NODE, 0, "GPU-x"),),
    nodes=(NODE,),
    job="4211",
    summary="hot",
    action="drain it",
    evidence={"gpu_temperature_celsius": 91.0, "lost": float("nan"), "big": 1e999},
    victims=127,
)


def test_the_whole_record() -> None:
    assert as_record(HOT) == {
        "id": "gw-1",
        "rule": "thermal_slowdown",
        "category": "thermal",
        "severity": "critical",
        "state": "firing",
        "ending": None,
        "scope": "gpu",
        "cluster": "a",
        "node": "node-17",
        "gpu": 0,
        "uuid": "GPU-x",
        "job": "4211",
        "place": None,
        "members": [{"node": "node-17", "gpu": 0, "uuid": "GPU-x"}],
        "summary": "hot",
        "action": "drain it",
        "evidence": {"gpu_temperature_celsius": 91.0},
        "victims": 127,
        "merged_into": None,
        "started_at": "2026-11-24T06:00:00Z",
        "detected_at": "2026-11-24T06:00:15Z",
        "resolved_at": None,
    }


def test_it_is_strict_json() -> None:
    assert "NaN" not in json.dumps(as_record(HOT), allow_nan=False)


def test_many_gpus_of_one_node_name_the_node_and_no_gpu() -> None:
    wide = replace(HOT, members=(Member(NODE, 0, "GPU-x"), Member(NODE, 1, "GPU-y")))
    record = as_record(wide)
    assert (record["node"], record["gpu"], record["uuid"]) == (NODE, None, None)
    assert [m["gpu"] for m in record["members"]] == [0, 1]


def test_many_nodes_name_none() -> None:
    wide = replace(HOT, members=(Member(NODE), Member("n2")), nodes=(NODE, "n2"))
    assert as_record(wide)["node"] is None


def test_a_job_without_members_names_no_place() -> None:
    job = replace(HOT, members=(), nodes=(), job="")
    record = as_record(job)
    assert (record["node"], record["gpu"], record["job"]) == (None, None, None)


def test_an_ended_one_says_how_and_when() -> None:
    ended = replace(
        HOT,
        state=State.RESOLVED,
        ending=Ending.ABSORBED,
        resolved_at=1_795_500_060.0,
        merged_into="gw-2",
    )
    record = as_record(ended)
    assert (record["state"], record["ending"]) == ("resolved", "absorbed")
    assert record["resolved_at"] == "2026-11-24T06:01:00Z"
    assert record["merged_into"] == "gw-2"


def test_pending_ones_are_not_listed() -> None:
    listed = document([replace(HOT, state=State.PENDING), HOT])
    assert [i["id"] for i in listed["incidents"]] == ["gw-1"]
    assert list(listed) == ["incidents"]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (None, None),
        (float("nan"), None),
        (0.0, "1970-01-01T00:00:00Z"),
        (1_795_500_000.999999, "2026-11-24T06:00:00Z"),
    ],
)
def test_times(at: float | None, text: str | None) -> None:
    assert iso(at) == text
