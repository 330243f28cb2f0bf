"""Counts of GPUs, and the nodes' exporters."""

import numpy as np
import pytest

from gpuwatch.doctor.gpus import gpus
from gpuwatch.doctor.neighbours import node_exporter
from gpuwatch.doctor.sight import Seen
from gpuwatch.engine.engine import Coverage
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import Settings


def seen(
    counts: dict[str, int],
    *,
    lost: int = 0,
    expected: dict[str, int] | None = None,
    node_up: list[float] | None = None,
) -> Seen:
    fleet = Fleet("c")
    for node, count in counts.items():
        fleet.add_node(node)
        for index in range(count):
            fleet.add(Gpu(node, f"GPU-{node}-{index}", index=index, model="H100"))
    rows = len(fleet)
    sampled = np.full(rows, 1.7e9)
    sampled[:lost] = np.nan
    snapshot = Snapshot(
        cluster="c",
        at=1.7e9,
        fleet=fleet,
        columns={},
        sampled_at=sampled,
        node_columns={} if node_up is None else {"node_exporter_up": np.array(node_up)},
    )
    settings = Settings(rules={"gpu_missing": {"expected_gpus": expected or {}}})
    return Seen(settings, snapshot, {}, Coverage())


def test_all_there() -> None:
    found = gpus(seen({"a": 8, "b": 8}))
    assert (found.state, found.what) == ("ok", "16 GPUs on 2 nodes, H100")


def test_none_at_all() -> None:
    assert gpus(seen({})).state == "fail"
    assert gpus(seen({"a": 2}, lost=2)).state == "fail"


def test_a_node_with_fewer_than_the_others() -> None:
    found = gpus(seen({"a": 8, "b": 8, "c": 8}, lost=1))
    assert found.state == "warn"
    assert found.what == "23 GPUs on 3 nodes, H100; a shows 7 of 8"


def test_two_kinds_of_nodes_are_no_fault() -> None:
    assert gpus(seen({"a": 4, "b": 4, "c": 8, "d": 8, "e": 8})).state == "ok"


def test_two_nodes_that_differ_prove_nothing() -> None:
    assert gpus(seen({"a": 4, "b": 8})).state == "ok"


@pytest.mark.parametrize(
    ("expected", "state"),
    [({".*": 8}, "ok"), ({"a": 9, ".*": 8}, "warn"), ({"x.*": 99}, "ok")],
)
def test_what_the_site_expects(expected: dict[str, int], state: str) -> None:
    assert gpus(seen({"a": 8, "b": 8}, expected=expected)).state == state


def test_node_exporter_everywhere() -> None:
    found = node_exporter(seen({"a": 1, "b": 1}, node_up=[1.0, 0.0]))
    assert (found.state, found.what) == ("ok", "seen on all 2 nodes")


def test_node_exporter_on_some() -> None:
    found = node_exporter(seen({"a": 1, "b": 1}, node_up=[1.0, np.nan]))
    assert found.state == "warn"
    assert found.what.startswith("seen on 1 of 2 nodes, not b:")


def test_node_exporter_nowhere() -> None:
    found = node_exporter(seen({"a": 1, "b": 1}))
    assert found.state == "warn"
    assert found.what.startswith("seen on no node:")
