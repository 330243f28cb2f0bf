"""What programs read."""

from dataclasses import replace

import pytest

from gpuwatch.incidents.record import as_record
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence, parse_matcher
from gpuwatch.web.shapes import IncidentBody
from tests.web.houses import House


def braked(house: House, row: int = 3) -> str:
    house.site.bits[row] = 0x80
    house.poll(2)
    return house.incident


def test_no_incidents_is_an_empty_list(house: House) -> None:
    assert house.get("/api/v1/incidents").json() == {"incidents": []}


def test_an_open_incident_is_listed_as_promised(house: House) -> None:
    braked(house)
    (found,) = house.get("/api/v1/incidents").json()["incidents"]
    assert found == as_record(house.site.open[0])
    assert (found["node"], found["gpu"], found["victims"]) == ("n1", 3, 15)


def test_ended_ones_are_listed_only_when_asked_for(house: House) -> None:
    ended = braked(house)
    house.site.bits.clear()
    house.poll(6)
    assert house.get("/api/v1/incidents?state=open").json() == {"incidents": []}
    (found,) = house.get("/api/v1/incidents?state=all").json()["incidents"]
    assert (found["id"], found["ending"]) == (ended, "recovered")


@pytest.mark.parametrize("state", ["open", "all"])
def test_the_limit_keeps_the_newest(house: House, state: str) -> None:
    braked(house, row=3)
    house.site.heat[12] = 90
    house.poll(3)
    (found,) = house.get(f"/api/v1/incidents?state={state}&limit=1").json()["incidents"]
    assert found["rule"] == "hot"


@pytest.mark.parametrize(
    ("query", "place"),
    [("state=ended", "state: "), ("limit=0", "limit: "), ("limit=x", "limit: ")],
)
def test_a_bad_question_is_told_in_one_line(
    house: House, query: str, place: str
) -> None:
    answer = house.get(f"/api/v1/incidents?{query}")
    assert answer.status_code == 422
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(place)


def test_one_incident_tells_its_story(house: House) -> None:
    found = house.get(f"/api/v1/incidents/{braked(house)}").json()
    assert found["rule"] == "brake"
    (event,) = found["story"]
    assert (event["kind"], event["at"]) == ("opened", "1970-01-12T13:47:25Z")


def test_an_unknown_incident_is_a_404(house: House) -> None:
    answer = house.get("/api/v1/incidents/gw-none")
    assert answer.status_code == 404
    assert answer.json() == {"error": "no incident 'gw-none'"}


def test_without_the_store_open_incidents_are_still_told(house: House) -> None:
    incident = braked(house)
    house.store.close()
    assert house.get("/api/v1/incidents").json()["incidents"][0]["id"] == incident
    answer = house.get("/api/v1/incidents?state=all")
    assert answer.status_code == 503
    assert answer.json()["error"].startswith("the store refuses: ")


def test_before_the_first_cycle_open_incidents_come_from_the_store(
    house: House,
) -> None:
    incident = braked(house)
    house.views.clear()
    assert house.get("/api/v1/incidents").json()["incidents"][0]["id"] == incident


def test_the_fleet_lists_every_gpu_and_what_is_wrong_with_it(house: House) -> None:
    house.site.lost.add(5)
    incident = braked(house)
    (cluster,) = house.get("/api/v1/fleet").json()["clusters"]
    assert [node["node"] for node in cluster["nodes"]] == ["n1", "n2"]
    first, second = cluster["nodes"]
    assert (first["severity"], second["severity"]) == ("critical", None)
    assert first["gpus"][3] == {
        "uuid": "GPU-n1-3",
        "mig": None,
        "index": 3,
        "model": "H100",
        "present": True,
        "severity": "critical",
        "incidents": [incident],
    }
    assert [gpu["present"] for gpu in first["gpus"]].index(False) == 5
    assert len(second["gpus"]) == 8


def test_coverage_names_the_metrics_that_are_missing(house: House) -> None:
    snapshot = house.site.snapshot()
    columns = {k: v for k, v in snapshot.columns.items() if k != "throttle_reasons"}
    snapshot = replace(snapshot, columns=columns)
    house.site.engine.step(snapshot)
    house.show(snapshot, snapshot.at)
    (cluster,) = house.get("/api/v1/coverage").json()["clusters"]
    rules = {rule["rule"]: rule for rule in cluster["rules"]}
    assert cluster["unwatched_categories"] == ["power"]
    assert rules["brake"]["known"] == 0
    assert rules["brake"]["missing"] == [
        {
            "metric": "throttle_reasons",
            "names": [
                "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
                "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
            ],
            "reason": None,
        }
    ]
    assert (rules["hot"]["known"], rules["hot"]["missing"]) == (16, [])


def test_silences_are_listed(house: House) -> None:
    mute = Silence(
        "sl-1", (parse_matcher("node=n1"),), house.now, house.now + 60, "bob", "psu"
    )
    house.poll(1, [Request(RequestKind.SILENCE, house.now, "bob", silence=mute, id=1)])
    (found,) = house.get("/api/v1/silences").json()["silences"]
    assert found["matchers"] == ["node=n1"]
    assert (found["author"], found["active"]) == ("bob", True)
    house.late_seconds = 100.0
    assert not house.get("/api/v1/silences").json()["silences"][0]["active"]


def test_the_schema_promises_what_is_sent(house: House) -> None:
    schema = house.get("/api/v1/openapi.json").json()
    braked(house)
    sent = house.get("/api/v1/incidents").json()["incidents"][0]
    assert set(sent) == set(IncidentBody.model_fields)
    assert set(schema["paths"]) == {
        "/api/v1/incidents",
        "/api/v1/incidents/{incident_id}",
        "/api/v1/silences",
        "/api/v1/fleet",
        "/api/v1/coverage",
        "/api/v1/requests",
    }


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/api/v1/nothing", "/api/v1"])
def test_there_is_nothing_else(house: House, path: str) -> None:
    assert house.get(path).status_code == 404


def test_labels_that_utf8_cannot_hold_are_still_sent(house: House) -> None:
    braked(house)
    odd = replace(house.site.open[0], summary="\ud800<script>\x1b")
    house.change(incidents=(odd,))
    found = house.get("/api/v1/incidents").json()["incidents"][0]
    assert found["summary"] == "\ud800<script>\x1b"
