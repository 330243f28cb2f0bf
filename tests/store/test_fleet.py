"""Rows of a fleet: they never move, and only what changed is written."""

from dataclasses import replace

import pytest
from sqlalchemy import delete

from gpuwatch.engine.step import Step
from gpuwatch.errors import StoreError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.store import SqlStore
from gpuwatch.store.schema import gpus
from tests.store.builders import two_gpus

CHANGED = Step("c1", 1.0, fleet_changed=True)


def test_a_fleet_comes_back_row_by_row(store: SqlStore) -> None:
    fleet = two_gpus()
    fleet.retire([1], ["node-03", "never-seen", "also-never"])
    store.commit(CHANGED, fleet, [])
    _, again = store.load("c1")
    assert again.gpus == fleet.gpus
    assert again.nodes == ["node-03", "node-01", "node-02"]
    assert again.retired == {1}
    assert again.retired_nodes == {"node-03", "never-seen", "also-never"}
    assert again.instances == {"10.0.0.1:9400": "node-01"}
    assert again.row("node-02", "GPU-bbbb") == 1


def test_an_unchanged_fleet_is_not_written(store: SqlStore) -> None:
    store.commit(replace(CHANGED, fleet_changed=False), two_gpus(), [])
    assert len(store.load("c1")[1]) == 0


def test_every_kind_of_change_is_written(store: SqlStore) -> None:
    fleet = two_gpus()
    fleet.retire([0], ["node-02", "never-seen"])
    store.commit(CHANGED, fleet, [])
    fleet.add(Gpu("node-02", "GPU-bbbb", index=5, model="H200"))
    fleet.add(Gpu("node-04", "GPU-cccc", mig="1"))
    fleet.welcome([0, 1])
    fleet.retired_nodes = {"node-04"}
    fleet.instances = {"10.0.0.2:9400": "node-01"}
    store.commit(CHANGED, fleet, [])
    _, again = store.load("c1")
    assert again.gpus[1] == Gpu("node-02", "GPU-bbbb", index=5, model="H200")
    assert again.gpus[2] == Gpu("node-04", "GPU-cccc", mig="1")
    assert (again.retired, again.retired_nodes) == (set(), {"node-04"})
    assert again.instances == {"10.0.0.2:9400": "node-01"}


def test_a_smaller_fleet_replaces_a_larger_one(store: SqlStore) -> None:
    store.commit(CHANGED, two_gpus(), [])
    store.commit(CHANGED, Fleet("c1", gpus=[Gpu("node-09", "GPU-zzzz")]), [])
    _, again = store.load("c1")
    assert (again.gpus, again.nodes) == ([Gpu("node-09", "GPU-zzzz")], ["node-09"])


def test_a_lost_row_is_not_closed_up_in_silence(store: SqlStore) -> None:
    store.commit(CHANGED, two_gpus(), [])
    with store._database.writing() as connection:
        connection.execute(delete(gpus).where(gpus.c.row == 0))
    with pytest.raises(StoreError, match="fleet rows are incomplete"):
        store.load("c1")
