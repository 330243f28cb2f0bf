import numpy as np
import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.hardware import Floats

TROUBLE_BITS = 0xE8


def column(fleet: SimFleet, key: str) -> Floats:
    return fleet.readings.columns[key]


def member_rows(fleet: SimFleet) -> list[int]:
    return [int(row) for row in np.flatnonzero(fleet.readings.in_job)]


def test_a_loaded_gpu_meets_its_power_limit() -> None:
    fleet = SimFleet()
    fleet.advance(40)
    in_job = fleet.readings.in_job
    assert in_job.sum() == 48
    power = column(fleet, "power")[in_job]
    assert power.min() > 640
    assert power.max() <= 700
    clock = column(fleet, "sm_clock")[in_job]
    assert clock.min() >= 1400
    assert clock.max() <= 1980
    assert (column(fleet, "gpu_util")[in_job] == 100).all()
    capped = column(fleet, "reasons")[in_job] == 0x4
    assert capped.mean() > 0.8


def test_an_idle_gpu_is_cool_and_says_so() -> None:
    fleet = SimFleet()
    fleet.advance(40)
    idle = ~fleet.readings.in_job
    assert np.abs(column(fleet, "power")[idle] - 70).max() < 7
    assert column(fleet, "gpu_temp")[idle].min() >= 27
    assert column(fleet, "gpu_temp")[idle].max() <= 35
    assert set(column(fleet, "sm_clock")[idle]) <= {345.0, 1980.0}
    assert (column(fleet, "reasons")[idle] == 0x1).all()
    assert (column(fleet, "gpu_util")[idle] == 0).all()


def test_slots_differ_by_about_twelve_degrees_under_load() -> None:
    fleet = SimFleet(checkpoint_period_seconds=0)
    fleet.advance(300)
    by_slot = column(fleet, "gpu_temp").reshape(8, 8)[:6].mean(axis=0)
    assert by_slot[7] - by_slot[0] == pytest.approx(12, abs=2)


def test_a_healthy_fleet_never_sets_a_trouble_bit() -> None:
    fleet = SimFleet()
    for second in range(300):
        fleet.advance(second)
        reasons = column(fleet, "reasons").astype(int)
        assert not (reasons & TROUBLE_BITS).any()
        assert column(fleet, "gpu_temp").max() < 75


def test_a_slow_gpu_makes_its_peers_wait() -> None:
    fleet = SimFleet(checkpoint_period_seconds=0)
    fleet.advance(10)
    before = {k: v.copy() for k, v in fleet.readings.columns.items()}
    fleet.add(Fault("clock_locked", "node-02", 3, 10, percent=50))
    fleet.advance(20)
    now, culprit = fleet.readings.columns, 11
    peers = fleet.readings.in_job & (np.arange(64) != culprit)
    for key, share in (("power", 0.7), ("tensor_active", 0.6), ("dram_active", 0.6)):
        assert (now[key][peers] < share * before[key][peers]).all()
    assert (now["gpu_util"][peers] == 100).all()
    assert (now["sm_clock"][peers] == 1980).all()
    assert now["sm_clock"][culprit] < 0.55 * before["sm_clock"][culprit]
    assert now["tensor_active"][culprit] > 0.95 * before["tensor_active"][culprit]
    assert now["power"][culprit] < now["power"][peers].min()


def test_tensor_times_clock_is_the_same_for_every_rank() -> None:
    fleet = SimFleet(faults=[Fault("clock_locked", "node-02", 3, 0, percent=40)])
    fleet.advance(20)
    work = column(fleet, "tensor_active") * column(fleet, "sm_clock")
    members = work[fleet.readings.in_job]
    assert members.std() / members.mean() < 0.03


def test_idle_nodes_do_not_notice_a_slow_job() -> None:
    fleet = SimFleet(faults=[Fault("clock_locked", "node-02", 3, 0, percent=40)])
    fleet.advance(20)
    assert column(fleet, "power")[~fleet.readings.in_job].max() < 80


def test_a_checkpoint_takes_the_whole_job_down_together() -> None:
    fleet = SimFleet()
    for second, saving in ((53, False), (54, True), (59, True), (63, False)):
        fleet.advance(second)
        in_job = fleet.readings.in_job
        assert ((column(fleet, "power")[in_job] < 250) == saving).all()
        assert ((column(fleet, "gpu_util")[in_job] < 50) == saving).all()


def test_nodes_leave_a_checkpoint_one_after_the_other() -> None:
    fleet = SimFleet(collect_interval_seconds=0.25)
    fleet.advance(60.75)
    util = column(fleet, "gpu_util")[fleet.readings.in_job]
    assert set(util) == {15.0, 100.0}
    assert column(fleet, "tensor_active").max() == 0


def test_energy_integrates_power() -> None:
    fleet = SimFleet(checkpoint_period_seconds=0)
    fleet.advance(10)
    before = column(fleet, "energy_mj").copy()
    joules = np.zeros(64)
    for second in range(11, 31):
        fleet.advance(second)
        joules += column(fleet, "power")
    drawn = (column(fleet, "energy_mj") - before) / 1e3
    assert drawn == pytest.approx(joules, rel=1e-4)


def test_values_change_only_with_each_collection() -> None:
    fleet = SimFleet(1, 2, collect_interval_seconds=15)
    fleet.advance(15)
    page = fleet.render(0)
    fleet.advance(29.9)
    assert fleet.render(0) == page
    fleet.advance(30)
    assert fleet.render(0) != page


def test_time_never_runs_back() -> None:
    fleet = SimFleet(1, 1)
    fleet.advance(30)
    page = fleet.render(0)
    fleet.advance(10)
    assert fleet.now_seconds == 30
    assert fleet.render(0) == page


def test_how_often_one_looks_changes_nothing() -> None:
    often, once = SimFleet(2, 2), SimFleet(2, 2)
    for second in range(100):
        often.advance(second + 0.5)
    once.advance(99.5)
    assert often.render(0) == once.render(0)


@pytest.mark.parametrize(
    ("model", "limit_watts"), [("NVIDIA B200", 1000), ("NVIDIA A100-SXM4-80GB", 400)]
)
def test_other_parts_have_their_own_limits(model: str, limit_watts: float) -> None:
    fleet = SimFleet(1, 4, model=model)
    fleet.advance(20)
    assert column(fleet, "power").max() <= limit_watts
    assert column(fleet, "power").min() > 0.9 * limit_watts


def test_the_job_runs_where_it_is_told_to() -> None:
    assert member_rows(SimFleet(4, 2)) == [0, 1, 2, 3]
    assert member_rows(SimFleet(4, 2, job_nodes=[3])) == [6, 7]
    assert member_rows(SimFleet(1, 2)) == [0, 1]
    assert member_rows(SimFleet(4, 2, job_nodes=[])) == []
