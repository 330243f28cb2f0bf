"""Ticks: presence, phases, counters, XIDs and whatever else a scrape brings."""

import math

import numpy as np
import pytest

from gpuwatch.sim.faults import SCENARIO_KINDS, Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.plan import JobPlan
from gpuwatch.sim.scenario import Scenario, Shown
from tests.sim.scenes import (
    CLOCK,
    CULPRIT,
    CULPRIT_NODE,
    ONSET,
    POWER,
    REASONS,
    TENSOR,
    UTIL,
    culprit,
    scene,
    table,
    ticks,
)

SENT = "node_infiniband_port_data_transmitted_bytes_total"


def test_a_seed_decides_everything() -> None:
    def play(seed: int) -> list[bytes]:
        noisy = scene(culprit("thermal_cycling"), seed=seed, kind="moe", gap_share=0.05)
        return [
            tick.present.tobytes() + b"".join(v.tobytes() for v in tick.values.values())
            for tick in ticks(noisy)
        ]

    assert play(3) == play(3)
    assert play(3) != play(4)


def test_a_tick_every_collect_interval_from_second_0() -> None:
    played = ticks(scene(duration_seconds=100.0, collect_seconds=30.0))
    assert [tick.at_seconds for tick in played] == [0, 30, 60, 90]


def test_the_stock_csv_has_no_reasons_violations_or_sm_activity() -> None:
    (stock, *_), (full, *_) = ticks(scene(csv="stock")), ticks(scene())
    lacking = set(full.values) - set(stock.values)
    for name in (REASONS, "DEV_THERMAL_VIOLATION", "PROF_SM_ACTIVE"):
        assert f"DCGM_FI_{name}" in lacking
    assert f"DCGM_FI_{CLOCK}" in stock.values


def test_a_capped_job_shows_the_power_cap_bit_nearly_always_and_nothing_worse() -> None:
    reasons = table(ticks(scene(capped=True)), REASONS).astype(int)
    assert (reasons & 0x4 != 0).mean() > 0.95
    assert (reasons & 0xE8 == 0).all()


def test_a_checkpoint_lets_the_whole_job_fall_and_nodes_return_one_by_one() -> None:
    played = ticks(scene(pause=300.0, seed=5, collect_seconds=1.0))
    working = table(played, TENSOR).reshape(-1, 6, 8).mean(axis=2) > 0.05
    everyone, nobody = working.all(axis=1), ~working.any(axis=1)
    assert 0.05 < nobody.mean() < 0.11
    assert (~everyone & ~nobody).sum() > nobody.sum() / 30
    begins = np.flatnonzero(nobody[1:] & ~nobody[:-1])
    assert np.diff(begins).tolist() == pytest.approx([300] * (len(begins) - 1), abs=2)


def test_a_lost_gpu_is_missing_while_its_exporter_answers() -> None:
    lost = ticks(scene(culprit("gpu_lost")))[-1]
    assert np.flatnonzero(~lost.present).tolist() == [CULPRIT]
    assert lost.exporter_up.tolist() == [1] * 6
    assert lost.xids == ()


def test_a_gpu_off_the_bus_leaves_its_xid_behind() -> None:
    fallen = ticks(scene(culprit("xid", code=79)))
    assert not fallen[25].present[CULPRIT]
    assert fallen[25].xids == (Shown(CULPRIT, 79, 1.0),)
    assert fallen[-1].xids == (Shown(CULPRIT, 79, 0.0),)
    stock = ticks(scene(culprit("xid", code=79), csv="stock"))[25]
    assert math.isnan(stock.xids[0].count)


def test_a_job_that_lost_a_gpu_hangs_and_goes_on_without_its_node() -> None:
    played = ticks(scene(culprit("gpu_lost"), duration_seconds=2400.0))
    hung = played[22]
    assert (hung.values["DCGM_FI_DEV_GPU_UTIL"] == 100).all()
    assert hung.throughput == {"4211": 0.0}
    end = played[-1]
    assert set(np.flatnonzero(end.job_of == -1)) == set(range(16, 24))
    assert end.throughput["4211"] > 0.8 * played[15].throughput["4211"] * 5 / 6


def test_a_node_that_is_down_takes_both_exporters_with_it() -> None:
    down = ticks(scene(Fault("node_down", CULPRIT_NODE, None, ONSET)))[-1]
    assert down.exporter_up.tolist() == [1, 1, 0, 1, 1, 1]
    assert down.node_exporter_up.tolist() == [1, 1, 0, 1, 1, 1]
    assert math.isnan(down.node_values["node_boot_time_seconds"][2])
    assert not down.present[16:24].any()


def test_a_rebooted_node_comes_back_with_a_new_boot_and_fresh_counters() -> None:
    again = Fault("reboot", CULPRIT_NODE, None, ONSET, ONSET + 120)
    played = ticks(scene(again, sticky_xids=((CULPRIT, 31),)))
    boot = [tick.node_values["node_boot_time_seconds"][2] for tick in played]
    assert (boot[0] < 0, boot[-1]) == (True, ONSET + 120)
    energy = table(played, "DEV_TOTAL_ENERGY_CONSUMPTION")[:, CULPRIT]
    assert energy[-1] < energy[0] / 100
    assert (played[0].xids, played[-1].xids) == ((Shown(CULPRIT, 31, 0.0),), ())


def test_a_frozen_exporter_repeats_itself_and_a_failing_one_is_down() -> None:
    stale = table(
        ticks(scene(Fault("exporter_frozen", CULPRIT_NODE, None, ONSET))), POWER
    )
    assert (stale[21:, 16:24] == stale[21, 16:24]).all()
    assert (stale[21:, 0] != stale[21, 0]).any()
    failing = ticks(scene(Fault("exporter_error", CULPRIT_NODE, None, ONSET)))[-1]
    assert failing.exporter_up[2] == 0
    assert failing.node_exporter_up[2] == 1


def test_one_scrape_in_a_hundred_fails() -> None:
    played = ticks(scene(gap_share=0.01, duration_seconds=7200.0))
    up = np.array([tick.exporter_up for tick in played])
    assert 0.004 < 1 - up.mean() < 0.018
    assert (np.array([t.present[::8] for t in played]) == (up == 1)).all()


def test_while_prometheus_restarts_nothing_is_known() -> None:
    played = ticks(scene(prometheus_restarts=(300.0,)))
    known = [bool(tick.present.any()) for tick in played]
    assert known == [True] * 20 + [False] * 4 + [True] * 37
    assert np.isnan(played[20].exporter_up).all()
    assert np.isnan(played[20].node_exporter_up).all()


def test_energy_is_the_exact_mean_of_power() -> None:
    played = ticks(scene(capped=True))
    energy = table(played, "DEV_TOTAL_ENERGY_CONSUMPTION")
    mean = (energy[-1] - energy[0]) / 1e3 / 900
    assert mean == pytest.approx(table(played, POWER).mean(axis=0), rel=0.03)


def test_a_slow_rail_carries_less_than_its_seven_siblings() -> None:
    slow = scene(culprit("rail_slow", percent=40.0), seed=5)
    played = ticks(slow)
    sent = np.diff([played[i].port_values[SENT] for i in (30, 60)], axis=0)[0]
    share = sent / np.median(sent, axis=1, keepdims=True)
    assert share[2, 1] < 0.7
    share[2, 1] = 1.0
    assert share.min() > 0.95
    assert played[-1].throughput["4211"] < 0.95 * played[10].throughput["4211"]


def test_a_rail_that_is_down_says_so() -> None:
    last = ticks(scene(culprit("rail_down")))[-1].port_values
    assert (last["node_infiniband_state_id"] == 1).sum() == 1
    assert last["node_infiniband_state_id"][2, 1] == 1
    assert last["node_infiniband_link_downed_total"][2, 1] == 1


@pytest.mark.parametrize(
    ("fault", "name", "least"),
    [
        (culprit("ecc"), "DEV_ECC_DBE_VOL_TOTAL", 1),
        (culprit("sbe", rate=10.0), "DEV_ECC_SBE_VOL_TOTAL", 4000),
        (culprit("remap"), "DEV_ROW_REMAP_PENDING", 1),
        (culprit("nvlink", rate=10.0), "DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", 4000),
        (culprit("pcie", rate=1.0), "DEV_PCIE_REPLAY_COUNTER", 400),
    ],
)
def test_error_counters_rise_on_the_culprit_alone(
    fault: Fault, name: str, least: float
) -> None:
    values = table(ticks(scene(fault)), name)
    risen = values[-1] - values[0]
    assert risen[CULPRIT] >= least
    assert np.count_nonzero(risen) == 1


def test_counters_reset_without_a_boot() -> None:
    played = ticks(scene(Fault("counter_reset", CULPRIT_NODE, None, ONSET)))
    energy = table(played, "DEV_TOTAL_ENERGY_CONSUMPTION")
    assert (energy[20, 16:24] < energy[19, 16:24]).all()
    assert (energy[20, :16] > energy[19, :16]).all()
    assert played[-1].node_values["node_boot_time_seconds"][2] < 0


def test_a_drained_node_idles_and_a_later_job_may_have_it() -> None:
    jobs = (
        JobPlan("a", tuple(range(6)), checkpoint_period_seconds=0),
        JobPlan("b", (2,), start_seconds=900.0),
    )
    gone = Fault("drain", CULPRIT_NODE, None, ONSET)
    played = ticks(scene(gone, jobs=jobs, duration_seconds=1800.0))
    at = {tick.at_seconds: tick for tick in played}
    assert at[0.0].job_of.tolist() == [0] * 48
    assert at[840.0].job_of.tolist() == [0] * 16 + [-1] * 8 + [0] * 24
    assert at[840.0].values["DCGM_FI_DEV_GPU_UTIL"][16:24].tolist() == [0] * 8
    assert at[840.0].present.all()
    assert at[1800.0].job_of.tolist() == [0] * 16 + [1] * 8 + [0] * 24
    util = at[1800.0].values["DCGM_FI_DEV_GPU_UTIL"]
    assert (util > 90).all()


def test_idle_nodes_idle_and_inference_goes_its_own_ways() -> None:
    jobs = (JobPlan("serve", (0, 1, 2), "inference", capped=False),)
    played = ticks(scene(jobs=jobs, duration_seconds=1800.0))
    util = table(played, UTIL)
    assert (util[:, 24:] == 0).all()
    assert util[:, :24].mean(axis=0).std() > 15
    assert np.abs(np.diff(util[:, :24], axis=0)).max() > 10
    assert played[0].throughput == {}


def test_application_clocks_are_set_on_the_whole_job_at_once() -> None:
    changed = ticks(scene(Fault("clocks_set", "*", None, ONSET, percent=10.0)))
    reasons = table(changed, REASONS).astype(int)
    assert (reasons[:20] & 0x2 == 0).all()
    assert (reasons[20:] & 0x2 != 0).all()
    assert (table(changed, CLOCK)[25:] < 1830).all()


def test_a_fleet_of_one_job_refuses_what_only_a_scenario_can_play() -> None:
    for kind in SCENARIO_KINDS:
        place = "*" if kind in ("job_slow", "clocks_set") else "node-01"
        with pytest.raises(ValueError, match=rf"^fault '{kind}': needs a sim.scenario"):
            SimFleet().add(Fault(kind, place))


def test_a_scenario_needs_no_jobs_at_all() -> None:
    idle = ticks(Scenario("idle", 1, nodes=2, duration_seconds=60.0))
    assert (table(idle, POWER) < 80).all()
