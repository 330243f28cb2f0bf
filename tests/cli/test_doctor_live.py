"""The whole doctor, before a real Prometheus that scrapes a simulated fleet."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.serve import SimServer
from gpuwatch.testing import FakeSlack, RealPrometheus, prometheus_available
from tests.cli.conftest import Run

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not prometheus_available(), reason="needs prometheus"),
]
DEADLINE_SECONDS = 60.0


@contextmanager
def site(folder: Path, slack: FakeSlack, fleet: SimFleet, **sim: Any) -> Iterator[None]:
    """A fleet, its Prometheus with a few scrapes, and a ./gpuwatch.yaml for them."""
    with (
        SimServer(fleet, **sim) as exporters,
        RealPrometheus(exporters.prometheus_config("1s")) as prometheus,
    ):
        (folder / "gpuwatch.yaml").write_text(
            f"prometheus: {{name: east, url: '{prometheus.url}'}}\n"
            f"slack: {{token: {slack.token}, channel: '#gpu-alerts', "
            f"base_url: '{slack.url}'}}\n"
            "web: {listen: '127.0.0.1:9'}\n"
        )
        wait(lambda: len(prometheus.query("min(count_over_time(up[60s])) > 9")) > 0)
        wait(lambda: not prometheus.query("up == 0"))
        yield


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not until():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.2)


def by_name(run: Run) -> tuple[int, dict[str, dict[str, Any]]]:
    ran = run("doctor")
    assert ran.err == ""
    findings = json.loads(ran.out)["findings"]
    return ran.code, {finding["name"]: finding for finding in findings}


def test_a_full_site_lacks_only_what_its_exporter_cannot(
    run: Run, fake_slack: FakeSlack, tmp_path: Path
) -> None:
    fleet = SimFleet(nodes=2, gpus_per_node=4, hpc_job="4211", job_nodes=[0, 1])
    with site(tmp_path, fake_slack, fleet, node_exporter=True):
        _, found = by_name(run)
    fine = ("configuration", "installation", "Prometheus", "clocks", "metric names",
            "node names", "intervals", "GPUs", "node_exporter", "jobs", "rules",
            "Slack token", "Slack scopes", "Slack channel", "Slack history",
            "store folder", "store")  # fmt: skip
    assert {name: found[name]["state"] for name in fine} == dict.fromkeys(fine, "ok")
    assert found["GPUs"]["what"] == "8 GPUs on 2 nodes, NVIDIA H100 80GB HBM3"
    assert found["jobs"]["what"] == "1 job on 8 GPUs (label hpc_job)"
    assert found["Prometheus"]["cluster"] == "east"
    assert found["node names"]["rows"] == [
        ["Hostname", "names 2 nodes", "node-01, node-02"]
    ]
    assert found["intervals"]["what"].startswith("scraped every 1s, each time with new")
    assert found["deadman"]["state"] == "skip"
    assert "thermal_slowdown" not in found


def test_a_stock_exporter_cannot_see_throttling(
    run: Run, fake_slack: FakeSlack, tmp_path: Path
) -> None:
    fleet = SimFleet(
        nodes=2, gpus_per_node=4, counters="stock", hpc_job=None,
        collect_interval_seconds=3.0, generations={1: "next"},
    )  # fmt: skip
    with site(tmp_path, fake_slack, fleet):
        code, found = by_name(run)
        table = run("doctor", "--output", "table").out
    assert code == 1
    assert found["thermal_slowdown"]["state"] == "warn"
    assert found["thermal_slowdown"]["csv_lines"] == [
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS, gauge, Clock event reasons."
    ]
    assert found["metric names"]["what"].endswith("; mixed")
    assert found["node_exporter"]["state"] == "warn"
    assert found["jobs"]["state"] == "warn"
    assert "with new values every 3s" in found["intervals"]["what"]
    assert table.count("\nDCGM_FI_DEV_CLOCKS_EVENT_REASONS, gauge, Clock") == 1
    assert "to mend, each with its -> above" in table
    assert not (tmp_path / "state").exists()


def test_exporters_scraped_directly(
    run: Run, fake_slack: FakeSlack, tmp_path: Path
) -> None:
    fleet = SimFleet(nodes=2, gpus_per_node=4)
    with SimServer(fleet) as exporters:
        urls = ", ".join(f"'http://{target}/metrics'" for target in exporters.targets)
        (tmp_path / "gpuwatch.yaml").write_text(
            f"exporters: {{name: lab, urls: [{urls}]}}\n"
            f"slack: {{token: {fake_slack.token}, channel: '#gpu-alerts', "
            f"base_url: '{fake_slack.url}'}}\n"
        )
        _, found = by_name(run)
    assert found["GPUs"]["cluster"] == "lab"
    assert found["GPUs"]["state"] == "ok"
    assert found["rules"]["state"] == "ok"
    assert "Prometheus" not in found
