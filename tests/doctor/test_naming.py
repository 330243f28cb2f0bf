"""Generations of names, and the node-name table."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from gpuwatch.doctor.csv_lines import csv_line
from gpuwatch.doctor.finding import Finding
from gpuwatch.doctor.naming import generations, node_names
from gpuwatch.doctor.sight import Server
from gpuwatch.model.metric import catalogue
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.names import NameBook

CLASSIC = {"DCGM_FI_DEV_GPU_TEMP": 8, "DCGM_FI_DEV_SM_CLOCK": 8}
NEW = {"DCGM_FI_DEV_GPU_TEMP_CELSIUS": 4, "DCGM_FI_DEV_SM_CLOCK_HERTZ": 4}


@contextmanager
def server(series: Sequence[dict[str, str]], **settings: Any) -> Iterator[Server]:
    cluster = PrometheusSettings(url="http://127.0.0.1:9")
    client = PrometheusClient(cluster, deadline_seconds=1.0)
    try:
        yield Server(cluster, Settings(**settings), client, 1.7e9, NameBook(), series)
    finally:
        client.close()


def table(series: Sequence[dict[str, str]], **settings: Any) -> Finding:
    with server(series, **settings) as made:
        return node_names(made)


def gpu(node: str, index: int, **labels: str) -> dict[str, str]:
    return {"UUID": f"GPU-{node}-{index}", "gpu": str(index), **labels}


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (CLASSIC, "2 known DCGM metrics, names classic"),
        (NEW, "2 known DCGM metrics, names DCGM 4.7's (unit in the name)"),
        (
            {**CLASSIC, "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": 8},
            "3 known DCGM metrics, names classic, as DCGM 3",
        ),
        (
            {"dcgm_fi_dev_gpu_temp": 8},
            "1 known DCGM metrics, names classic, lower-cased by OpenTelemetry",
        ),
        ({**CLASSIC, "DCGM_FI_DEV_FB_FREE": 8}, "2 known DCGM metrics, names classic"),
    ],
)
def test_generations(live: dict[str, int], words: str) -> None:
    found = generations(live)
    assert (found.state, found.what, found.rows) == ("ok", words, ())


def test_mixed_generations_tell_both_names_and_their_counts() -> None:
    found = generations({**CLASSIC, **NEW})
    assert found.what.endswith("; mixed")
    assert found.rows[:2] == (
        ("8 series", "DCGM_FI_DEV_GPU_TEMP"),
        ("4 series", "DCGM_FI_DEV_GPU_TEMP_CELSIUS"),
    )


def test_no_live_metric_at_all() -> None:
    assert generations({}).state == "warn"
    assert generations({"DCGM_FI_DEV_FB_FREE": 8}).state == "warn"


def test_names_by_hostname() -> None:
    found = table([gpu("a", 0, Hostname="a"), gpu("b", 0, Hostname="b")])
    assert (found.state, found.what) == ("ok", "2 nodes, named by Hostname")
    assert found.rows == (("Hostname", "names 2 nodes", "a, b"),)


def test_two_generations_name_by_two_labels() -> None:
    found = table([gpu("a", 0, Hostname="a"), gpu("b", 0, hostname="b")])
    assert ("Hostname", "names 1 node", "a") in found.rows
    assert ("hostname", "names 1 node", "b") in found.rows


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("3f2a9c1d4e5b", "rejected: a container's id"),
        ("localhost", "rejected: loopback"),
        ("127.0.0.1", "rejected: loopback"),
    ],
)
def test_names_that_name_nobody_are_shown_as_rejected(name: str, why: str) -> None:
    found = table([gpu("a", 0, Hostname=name, instance="node-a:9400")])
    assert found.what.startswith("1 node, named by instance")
    assert ("instance", "names 1 node", "node-a") in found.rows
    assert ("Hostname", why, name) in found.rows


def test_a_name_shared_by_two_machines_is_shown_as_rejected() -> None:
    found = table(
        [
            gpu("a", 0, Hostname="same", instance="node-a:9400"),
            gpu("b", 0, Hostname="same", instance="node-b:9400"),
        ]
    )
    assert ("instance", "names 2 nodes", "node-a, node-b") in found.rows
    rejected = [row for row in found.rows if row[0] == "Hostname"]
    assert rejected[0][1].startswith("rejected: shared by several nodes")
    assert rejected[0][2] == "same"


def test_addresses_are_a_warning() -> None:
    found = table([gpu("a", 0, instance="10.0.0.1:9400")])
    assert found.state == "warn"
    assert "add a `node` label" in found.mend


def test_node_map_gives_the_name() -> None:
    found = table(
        [gpu("a", 0, instance="10.0.0.1:9400")], node_map={r"10\.0\.0\.(\d+)": "n$1"}
    )
    assert (found.state, found.what[:6]) == ("ok", "1 node")
    assert ("node_map or a last resort", "names 1 node", "n1") in found.rows


@pytest.mark.parametrize(
    ("metric", "live", "line"),
    [
        (
            "throttle_reasons",
            CLASSIC,
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS, gauge, Clock event reasons.",
        ),
        (
            "throttle_reasons",
            {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": 1},
            "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS, gauge, Clock event reasons.",
        ),
        (
            "gpu_temperature_celsius",
            NEW,
            "DCGM_FI_DEV_GPU_TEMP_CELSIUS, gauge, Die temperature.",
        ),
        (
            "gpu_temperature_celsius",
            {**CLASSIC, **NEW},
            "DCGM_FI_DEV_GPU_TEMP, gauge, Die temperature.",
        ),
        (
            "ecc_uncorrectable_volatile",
            CLASSIC,
            (
                "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL, counter, "
                "Uncorrectable memory errors since driver load."
            ),
        ),
    ],
)
def test_csv_lines(metric: str, live: dict[str, int], line: str) -> None:
    assert csv_line(catalogue()[metric], frozenset(live)) == line


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_gos_csv_reader_takes_every_line(name: str) -> None:
    line = csv_line(catalogue()[name], frozenset())
    assert line.count(",") == 2
    assert '"' not in line
    assert line.split(", ")[1] in {"gauge", "counter", "label"}
