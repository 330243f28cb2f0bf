"""The labelled scenarios: complete, balanced, and right about themselves."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.sim.catalogue import fault_scenarios
from gpuwatch.sim.faults import KINDS, SCENARIO_KINDS, Fault
from gpuwatch.sim.recipes import RECIPES
from gpuwatch.sim.scenario import Scenario, Truth
from gpuwatch.sim.traps import benign_scenarios

SEEDS = (1, 2, 3, 4, 5, 6)
FAULTS = [one for seed in SEEDS for one in fault_scenarios(seed, nodes=16)]
BENIGN = [one for seed in SEEDS for one in benign_scenarios(seed, nodes=16)]
SHORT = [s for s in fault_scenarios(1, nodes=12) if s.duration_seconds < 7200]
# Pauses of a job, or of a scrape: no fault a person would be told of.
HARMLESS = {"gap", "reload", "job_end", "drain", "counter_reset", "clocks_set", "hot"}


def test_every_fault_kind_has_a_recipe() -> None:
    played = {fault.kind for one in FAULTS for fault in one.faults}
    assert set(KINDS + SCENARIO_KINDS) - HARMLESS == played


def test_names_are_unique_and_seeds_differ() -> None:
    everything = FAULTS + BENIGN
    assert len({one.name for one in everything}) == len(everything)
    assert len(RECIPES) * len(SEEDS) == len(FAULTS)
    assert fault_scenarios(1) == fault_scenarios(1)
    first, second = fault_scenarios(1)[0], fault_scenarios(2)[0]
    assert (first.faults, first.seed) != (second.faults, second.seed)


@pytest.mark.parametrize("scenarios", [FAULTS, BENIGN], ids=["faults", "benign"])
def test_every_setting_takes_its_turn(scenarios: list[Scenario]) -> None:
    seen = {(s.generation, s.csv, s.collect_seconds, s.labels) for s in scenarios}
    wanted = itertools.product(
        ("legacy", "current", "next"), ("full", "stock"), (15.0, 30.0), (True, False)
    )
    assert set(wanted) <= seen
    kinds = {job.kind for one in scenarios for job in one.jobs}
    assert {"dp", "tppp", "moe", "inference"} <= kinds


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_truths_name_the_places_and_times_of_the_faults(one: Scenario) -> None:
    assert one.truths
    members = {one.node_names[node] for node in one.jobs[0].nodes}
    for truth in one.truths:
        mine = [fault for fault in one.faults if _belongs(fault, truth)]
        assert mine
        for fault in mine:
            assert fault.start_seconds == truth.onset_seconds
            assert fault.end_seconds == truth.end_seconds
            assert fault.node == "*" or fault.node in members
        assert truth.onset_seconds >= 1080
        assert truth.end_seconds is not None
        assert truth.end_seconds <= one.duration_seconds - 300
        assert (truth.node == "") == (bool(truth.nodes) or mine[0].node == "*")


def _belongs(fault: Fault, truth: Truth) -> bool:
    if truth.nodes:
        return fault.node in truth.nodes
    return fault.node == (truth.node or "*")


def test_a_job_has_six_busy_gpus_and_more_to_compare_with() -> None:
    for one in FAULTS:
        assert len(one.jobs[0].nodes) * one.gpus_per_node >= 48


def test_two_culprits_are_two_nodes() -> None:
    pairs = [one.truths for one in FAULTS if one.name.startswith("two_")]
    assert len(pairs) == 2 * len(SEEDS)
    assert all(first.node != second.node for first, second in pairs)


def test_what_an_expert_sees_depends_on_the_csv() -> None:
    visible: dict[tuple[str, str], set[bool]] = {}
    for one in FAULTS:
        for truth in one.truths:
            key = (truth.kind, one.csv)
            visible.setdefault(key, set()).add(truth.visible_to_expert)
    assert visible["power_brake", "full"] == {True}
    assert visible["power_brake", "stock"] == {False}
    assert visible["xid", "stock"] == visible["node_down", "stock"] == {True}
    for kind in ("clock_locked", "memory_slow", "starved", "host_slow", "hang"):
        assert visible[kind, "full"] == visible[kind, "stock"] == {False}


def test_groups_are_racks_or_a_quarter_of_the_job() -> None:
    for one in FAULTS:
        (truth, *_), job = one.truths, one.jobs[0]
        if truth.kind.startswith("rack"):
            rows = [one.node_names.index(node) for node in truth.nodes]
            assert 4 <= len(rows) <= 6
            assert np.diff(rows).tolist() == [1] * (len(rows) - 1)
        if truth.kind == "config_push":
            assert len(truth.nodes) == max(2, round(len(job.nodes) / 4))


def test_benign_scenarios_have_no_truths_and_nothing_but_harmless_events() -> None:
    for one in BENIGN:
        assert one.truths == ()
        kinds = {fault.kind for fault in one.faults if fault.kind != "xid"}
        assert kinds <= HARMLESS
        codes = {fault.code for fault in one.faults if fault.kind == "xid"}
        assert codes <= {13, 31, 43}


@pytest.mark.parametrize("one", SHORT, ids=lambda one: one.name)
def test_every_scenario_plays_and_its_readings_are_sane(one: Scenario) -> None:
    quick = replace(one, collect_seconds=60.0)
    for tick in quick.ticks():
        for name, column in tick.values.items():
            assert np.isfinite(column).all(), name
            assert (column >= 0).all() or name.endswith("GPU_TEMP_LIMIT"), name
        assert (tick.values["DCGM_FI_DEV_SM_CLOCK"] <= 1980).all()
        assert (tick.values["DCGM_FI_DEV_POWER_USAGE"] <= 710).all()
        assert (tick.values["DCGM_FI_DEV_GPU_TEMP"] <= 95).all()
        assert (tick.values["DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"] <= 1).all()


@pytest.mark.parametrize(
    "one",
    [s for s in benign_scenarios(2, nodes=12) if s.duration_seconds < 7200],
    ids=lambda one: one.name,
)
def test_no_benign_scenario_ever_shows_a_hardware_bit(one: Scenario) -> None:
    for tick in replace(one, csv="full", collect_seconds=30.0).ticks():
        reasons = tick.values["DCGM_FI_DEV_CLOCKS_EVENT_REASONS"].astype(int)
        assert (reasons & 0xE8 == 0).all()
        assert (tick.values["DCGM_FI_DEV_GPU_TEMP"] <= 83).all()
