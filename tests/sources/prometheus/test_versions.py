"""Versions that dcgm-exporter writes as labels."""

import numpy as np

from gpuwatch.model.version import driver_text, vbios_text
from gpuwatch.ports import Plan
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, Tape

PLAN = Plan(metrics={"driver_version": 0.0, "vbios_version": 0.0})


def test_by_either_name_of_the_label(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, DCGM_FI_DRIVER_VERSION="550.54.15")
    new = {"DCGM_FI_SYSTEM_DRIVER_VERSION": "550.90.07"}
    board = {"DCGM_FI_DEV_VBIOS_VERSION": "96.00.74.00.1A"}
    tape.gpu("b", 1, **new, **board)
    tape.gpu("c", 2)
    made = site(tape)
    seen = made.read(plan=PLAN)
    nodes = [gpu.node for gpu in made.fleet.gpus]
    drivers = dict(zip(nodes, seen.columns["driver_version"], strict=True))
    assert driver_text(drivers["a"]) == "550.54.15"
    assert driver_text(drivers["b"]) == "550.90.07"
    assert np.isnan(drivers["c"])
    boards = dict(zip(nodes, seen.columns["vbios_version"], strict=True))
    assert vbios_text(boards["b"]) == "96.00.74.00.1A"
    assert np.isnan([boards["a"], boards["c"]]).all()


def test_kept_between_looks_and_absent_without_labels(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, DCGM_FI_DRIVER_VERSION="550.54.15")
    made = site(tape)
    for at in (LAST - 30, LAST - 15, LAST):
        seen = made.read(at, PLAN)
        assert driver_text(seen.columns["driver_version"][0]) == "550.54.15"
        assert "vbios_version" not in seen.columns
    tape = Tape()
    tape.gpu("a", 0)
    assert "driver_version" not in site(tape).read(plan=PLAN).columns


def test_in_history(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, DCGM_FI_DRIVER_VERSION="550.54.15")
    made = site(tape)
    past = made.source.history(PLAN, made.fleet, LAST - 30, LAST, 15)
    codes = [float(seen.columns["driver_version"][0]) for seen in past]
    assert [driver_text(code) for code in codes] == ["550.54.15"] * 3
