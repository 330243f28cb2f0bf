import http.client
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.serve import SimServer


class Clock:
    """Time that moves when told to."""

    def __init__(self) -> None:
        self.seconds = 5000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[SimServer]:
    fleet = SimFleet(2, 2, sticky_xids=False)
    with SimServer(fleet, clock=clock, node_exporter=True) as server:
        yield server


def get(target: str, path: str = "/metrics") -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://{target}{path}", timeout=10)


def hangs_up(target: str) -> bool:
    connection = http.client.HTTPConnection(target, timeout=10)
    try:
        connection.request("GET", "/metrics")
        connection.getresponse().read()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return True
    else:
        return False
    finally:
        connection.close()


def test_every_node_serves_its_own_page(server: SimServer) -> None:
    assert len(set(server.targets + server.node_targets)) == 4
    for target, node in zip(server.targets, server.fleet.node_names, strict=True):
        answer = get(target)
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        families = list(text_string_to_metric_families(answer.text))
        hosts = {s.labels["Hostname"] for f in families for s in f.samples}
        assert hosts == {node}
        assert len(families) > 50


def test_a_scrape_moves_the_fleet_to_the_clock(server: SimServer, clock: Clock) -> None:
    first = get(server.targets[0]).text
    assert get(server.targets[0]).text == first
    clock.seconds += 30
    assert get(server.targets[0]).text != first
    assert server.fleet.now_seconds == server.now_seconds == 30


def test_another_path_is_not_found(server: SimServer) -> None:
    assert get(server.targets[0], "/").status_code == HTTPStatus.NOT_FOUND


def test_a_node_that_is_down_hangs_up_on_both_ports(
    server: SimServer, clock: Clock
) -> None:
    clock.seconds += 100
    server.inject(Fault("node_down", "node-02", None, 0, 50))
    assert hangs_up(server.targets[1])
    assert hangs_up(server.node_targets[1])
    assert not hangs_up(server.targets[0])
    clock.seconds += 51
    assert get(server.targets[1]).ok
    boot = get(server.node_targets[1]).text
    assert get(server.node_targets[0]).text != boot


@pytest.mark.parametrize("kind", ["exporter_error", "gap"])
def test_the_host_outlives_its_gpu_exporter(
    kind: str, server: SimServer, clock: Clock
) -> None:
    clock.seconds += 5
    server.inject(Fault(kind, "node-01", None, 0, 9))
    if kind == "gap":
        assert hangs_up(server.targets[0])
    else:
        answer = get(server.targets[0])
        assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert get(server.node_targets[0]).ok
    clock.seconds += 10
    assert get(server.targets[0]).ok


def test_a_hot_reload_empties_the_page_for_three_seconds(
    server: SimServer, clock: Clock
) -> None:
    server.inject(Fault("reload", "node-01"))
    emptied = get(server.targets[0])
    assert (emptied.status_code, emptied.text) == (HTTPStatus.OK, "")
    assert get(server.targets[1]).text
    clock.seconds += 3
    assert get(server.targets[0]).text


def test_a_fault_without_an_end_is_mended(server: SimServer, clock: Clock) -> None:
    broken = server.inject(Fault("exporter_error", "node-01"))
    clock.seconds += 500
    assert get(server.targets[0]).status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    server.mend(broken)
    assert get(server.targets[0]).ok


def test_the_host_page_tells_boot_and_time(server: SimServer, clock: Clock) -> None:
    def page() -> dict[str, float]:
        text = get(server.node_targets[0]).text
        families = text_string_to_metric_families(text)
        return {family.name: family.samples[0].value for family in families}

    before = page()
    clock.seconds += 40
    server.inject(Fault("reboot", "node-01", None, 0, 30))
    clock.seconds += 60
    after = page()
    assert before["node_uname_info"] == 1
    assert after["node_time_seconds"] - before["node_time_seconds"] == 100
    uptime = after["node_time_seconds"] - after["node_boot_time_seconds"]
    assert uptime == pytest.approx(30, abs=1)
    assert before["node_time_seconds"] - before["node_boot_time_seconds"] > 86_400


def test_the_configuration_is_what_prometheus_reads(server: SimServer) -> None:
    config = yaml.safe_load(server.prometheus_config("2s"))
    assert config["global"] == {"scrape_interval": "2s", "scrape_timeout": "2s"}
    dcgm, node = config["scrape_configs"]
    assert (dcgm["job_name"], node["job_name"]) == ("dcgm", "node")
    assert dcgm["static_configs"] == [{"targets": [t]} for t in server.targets]
    assert node["static_configs"] == [
        {"targets": [target], "labels": {"node": name}}
        for target, name in zip(
            server.node_targets, server.fleet.node_names, strict=True
        )
    ]


def test_without_node_exporter_there_is_one_job() -> None:
    with SimServer(SimFleet(1, 1)) as server:
        config = yaml.safe_load(server.prometheus_config())
        assert [job["job_name"] for job in config["scrape_configs"]] == ["dcgm"]
        assert server.node_targets == []
        target = server.targets[0]
    with pytest.raises(requests.ConnectionError):
        get(target)
