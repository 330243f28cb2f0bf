"""Alive, ready, measured."""

from pathlib import Path

import pytest

from tests.web.houses import House, built, served


def metric(house: House, name: str) -> float:
    lines = house.get("/metrics").text.splitlines()
    (value,) = [ln.rpartition(" ")[2] for ln in lines if ln.startswith(f"{name} ")]
    return float(value)


def test_it_is_alive_even_when_it_is_not_ready(house: House) -> None:
    house.views.clear()
    assert (house.get("/healthz").status_code, house.get("/healthz").text) == (
        200,
        "ok\n",
    )
    assert house.get("/readyz").status_code == 503


@pytest.mark.parametrize(("age", "status"), [(44.9, 200), (45.0, 503)])
def test_ready_means_a_good_cycle_younger_than_three_intervals(
    house: House, age: float, status: int
) -> None:
    house.late_seconds = age
    assert house.get("/readyz").status_code == status


def test_it_says_which_cluster_lags_since_when(house: House) -> None:
    house.late_seconds = 180.0
    house.change(health={"prometheus": "refused"})
    assert house.get("/readyz").json() == {
        "error": "no fresh good cycle of c",
        "clusters": [
            {
                "cluster": "c",
                "since": "1970-01-12T13:46:55Z",
                "reason": "the last good cycle ended 3 min ago; prometheus: refused",
            }
        ],
    }


def test_bad_cycles_that_go_on_do_not_make_it_ready(house: House) -> None:
    for _ in range(4):
        house.blind("refused")
    assert house.get("/readyz").status_code == 503


def test_the_own_clock_counts_and_not_that_of_the_metrics_server(house: House) -> None:
    house.change(good_at=house.now - 3600, heard_at=house.now - 10)
    assert house.get("/readyz").status_code == 200
    house.change(good_at=house.now + 3600, heard_at=house.now - 60)
    assert house.get("/readyz").status_code == 503


def test_a_cluster_that_never_had_a_good_cycle_is_not_ready(house: House) -> None:
    house.change(good_at=0.0)
    (late,) = house.get("/readyz").json()["clusters"]
    assert (late["since"], late["reason"]) == (None, "no good cycle yet")


def test_a_configured_cluster_without_any_cycle_is_not_ready(tmp_path: Path) -> None:
    with built(tmp_path) as house, served(house, clusters=("c", "other")):
        answer = house.get("/readyz")
        assert answer.status_code == 503
        assert [o["cluster"] for o in answer.json()["clusters"]] == ["other"]


def test_metrics_follow_the_live_value(house: House) -> None:
    house.site.bits[3] = 0x80
    house.site.lost.add(9)
    house.poll(3)
    assert metric(house, 'gpuwatch_gpus{cluster="c",state="present"}') == 15
    assert metric(house, 'gpuwatch_gpus{cluster="c",state="missing"}') == 1
    critical = 'gpuwatch_open_incidents{cluster="c",severity="critical"}'
    assert metric(house, critical) == 1
    assert metric(house, critical.replace("critical", "info")) == 0
    assert metric(house, "gpuwatch_outbox_messages") == 1
    assert metric(house, "gpuwatch_outbox_oldest_seconds") > 0
    last = 'gpuwatch_last_good_cycle_timestamp_seconds{cluster="c"}'
    assert metric(house, last) == 1_000_060.0
    house.change(incidents=())
    assert metric(house, critical) == 0


def test_a_cluster_that_is_watched_no_longer_leaves_the_metrics(house: House) -> None:
    assert 'gpuwatch_gpus{cluster="c"' in house.get("/metrics").text
    house.views.clear()
    assert 'gpuwatch_gpus{cluster="c"' not in house.get("/metrics").text


def test_without_the_store_the_outbox_is_unknown_not_empty(house: House) -> None:
    house.store.close()
    assert house.get("/metrics").status_code == 200
    assert str(metric(house, "gpuwatch_outbox_messages")) == "nan"
