"""The invariants of straggler.md section 3.3: who shows what when one is slow."""

import numpy as np
import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.scenario import Scenario
from tests.sim.scenes import (
    CELSIUS,
    CLOCK,
    CULPRIT,
    CULPRIT_NODE,
    DRAM,
    ONSET,
    POWER,
    REASONS,
    SM,
    TENSOR,
    UTIL,
    culprit,
    means,
    others,
    scene,
    table,
    ticks,
)

SLOW_BY_CLOCK = [
    culprit("clock_locked", percent=30.0),
    culprit("thermal", percent=40.0),
    culprit("hw_slowdown", percent=50.0),
    Fault("power_brake", CULPRIT_NODE, None, ONSET, percent=50.0),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("fault", SLOW_BY_CLOCK, ids=lambda fault: fault.kind)
def test_work_a_second_is_equal_for_every_rank(fault: Fault, seed: int) -> None:
    slow = scene(fault, seed=seed)
    tensor, clock = means(slow, TENSOR)[1], means(slow, CLOCK)[1]
    work = tensor * clock
    assert np.abs(work / np.median(work) - 1).max() < 0.04


@pytest.mark.parametrize("fault", SLOW_BY_CLOCK, ids=lambda fault: fault.kind)
def test_a_low_clock_makes_the_culprit_busier_and_the_victims_idler(
    fault: Fault,
) -> None:
    slow = scene(fault)
    clock, tensor = means(slow, CLOCK), means(slow, TENSOR)
    assert clock[1][CULPRIT] < 0.75 * 1980
    assert (clock[1][others()] == 1980).all()
    assert tensor[1][CULPRIT] > 1.05 * tensor[0][CULPRIT]
    assert (tensor[1][others()] < 0.95 * tensor[0][others()]).all()
    assert (means(slow, UTIL)[1] > 90).all()
    before, after = means(slow, POWER)
    assert after[CULPRIT] < 0.8 * before[CULPRIT]
    assert np.median(after[others()]) < np.median(before[others()])


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_communication_and_memory_hide_part_of_a_lower_clock(seed: int) -> None:
    played = ticks(scene(culprit("clock_locked", percent=25.0), seed=seed))
    before = played[15].throughput["4211"]
    after = played[-1].throughput["4211"]
    assert 0.75 < after / before < 0.95


def test_capped_victims_raise_their_clocks() -> None:
    before, after = means(
        scene(culprit("clock_locked", percent=40.0), capped=True), CLOCK
    )
    assert (before < 1900).all()
    assert (after[others()] == 1980).all()


@pytest.mark.parametrize(
    ("fault", "bits"),
    [
        (culprit("thermal", percent=40.0), 0x48),
        (culprit("thermal", percent=13.0), 0x20),
        (culprit("power_brake", percent=50.0), 0x88),
        (culprit("hw_slowdown", percent=50.0), 0x8),
        (culprit("clock_locked", percent=12.0), 0),
    ],
)
def test_the_bits_tell_heat_from_brake_from_nothing(fault: Fault, bits: int) -> None:
    reasons = means(scene(fault), REASONS)[1].astype(int)
    assert reasons[CULPRIT] & 0xE8 == bits
    assert (reasons[others()] & 0xE8 == 0).all()


def test_duty_cycling_shows_in_some_samples_and_in_the_counter() -> None:
    played = ticks(
        scene(culprit("thermal_cycling", rate=0.4), duration_seconds=3600.0)
    )[25:]
    hit = table(played, REASONS)[:, CULPRIT].astype(int) & 0x40 != 0
    assert 0.25 < hit.mean() < 0.55
    low = table(played, CLOCK)[:, CULPRIT] < 1500
    assert (low == hit).all()
    seconds = np.diff(table(played, "DEV_THERMAL_VIOLATION")[[0, -1], CULPRIT]) / 1e9
    assert 0.3 < seconds[0] / (15 * (len(played) - 1)) < 0.5


def test_slow_memory_lowers_the_victims_power_but_not_the_culprits() -> None:
    slow = scene(culprit("memory_slow", percent=35.0), capped=True)
    before, after = means(slow, POWER)
    assert after[CULPRIT] > 0.93 * before[CULPRIT]
    assert (after[others()] < 0.93 * before[others()]).all()
    clock = means(slow, CLOCK)
    assert clock[1][CULPRIT] == pytest.approx(clock[0][CULPRIT], rel=0.02)
    sm = means(slow, SM)
    assert sm[1][CULPRIT] > 0.97 * sm[0][CULPRIT]
    assert (sm[1][others()] < 0.95 * sm[0][others()]).all()


def test_a_low_memory_clock_is_on_show_and_busies_the_memory() -> None:
    slow = scene(culprit("memory_clock", percent=40.0))
    memory = means(slow, "DEV_MEM_CLOCK")[1]
    assert memory[CULPRIT] == pytest.approx(2619 * 0.6, abs=1)
    assert (memory[others()] == 2619).all()
    dram = means(slow, DRAM)
    assert dram[1][CULPRIT] > 1.3 * dram[0][CULPRIT]


@pytest.mark.parametrize(
    ("fault", "starved"),
    [
        (culprit("starved", percent=25.0), slice(17, 18)),
        (culprit("pcie", percent=25.0), slice(17, 18)),
        (Fault("host_slow", CULPRIT_NODE, None, ONSET, percent=25.0), slice(16, 24)),
    ],
    ids=["one GPU", "one link", "a whole host"],
)
def test_who_starves_is_less_utilised_at_full_clock(
    fault: Fault, starved: slice
) -> None:
    slow = scene(fault, seed=5)
    util, sm = means(slow, UTIL)[1], means(slow, SM)
    hungry = np.zeros(48, dtype=bool)
    hungry[starved] = True
    assert (util[hungry] < 85).all()
    assert (util[~hungry] > 90).all()
    assert (means(slow, CLOCK)[1] == 1980).all()
    loss = sm[1] / sm[0]
    assert loss[hungry].max() < loss[~hungry].min()


def test_a_slow_network_slows_everybody_alike() -> None:
    slow = scene(Fault("job_slow", start_seconds=ONSET, percent=30.0))
    before, after = means(slow, TENSOR)
    ratio = after / before
    assert ratio.max() < 0.8
    assert ratio.max() - ratio.min() < 0.05
    assert (means(slow, UTIL)[1] > 90).all()


@pytest.mark.parametrize("stuck", [None, 1])
def test_a_hang_spins_without_work(stuck: int | None) -> None:
    node = "*" if stuck is None else CULPRIT_NODE
    hung = scene(Fault("hang", node, stuck, ONSET))
    util, watts = means(hung, UTIL)[1], means(hung, POWER)[1]
    spins = np.ones(48, dtype=bool)
    spins[CULPRIT] = stuck is None
    assert (util[spins] == 100).all()
    assert ((watts[spins] > 100) & (watts[spins] < 170)).all()
    assert (means(hung, TENSOR)[1] == 0).all()
    assert (means(hung, CLOCK)[1] == 1980).all()
    if stuck is not None:
        assert (util[CULPRIT], watts[CULPRIT] < 110) == (0, True)


def test_heat_climbs_with_its_time_constant() -> None:
    played = ticks(scene(culprit("thermal", percent=40.0), collect_seconds=5.0))
    celsius = table(played, CELSIUS)[:, CULPRIT]
    assert celsius[59] < 70 < celsius[64] < celsius[72] <= 90
    clock = table(played, CLOCK)[:, CULPRIT]
    fallen = (1980 - clock) / (1980 - clock[-1])
    assert 0.5 < fallen[72] < 0.75  # 60 s = one time constant after the onset


def test_failed_fans_heat_a_node_until_it_throttles() -> None:
    hot = scene(
        Fault("fans", CULPRIT_NODE, None, ONSET), capped=True, duration_seconds=1500.0
    )
    last = ticks(hot)[-1]
    celsius = last.values["DCGM_FI_DEV_GPU_TEMP"]
    reasons = last.values["DCGM_FI_DEV_CLOCKS_EVENT_REASONS"].astype(int)
    assert celsius[16:24].min() > celsius[others()].max()
    assert (reasons[16:24] & 0x20 != 0).sum() >= 4
    assert (reasons[others()] & 0xE8 == 0).all()


def test_a_drift_warms_by_the_hour_without_throttling() -> None:
    warm: Scenario = scene(
        culprit("drift", rate=2.0), duration_seconds=4 * 3600.0, collect_seconds=60.0
    )
    played = ticks(warm)
    celsius = table(played, CELSIUS)
    residual = celsius[:, CULPRIT] - np.median(celsius[:, 25::8], axis=1)
    assert residual[-10:].mean() - residual[:5].mean() == pytest.approx(7.8, abs=1.0)
    assert (table(played, REASONS)[:, CULPRIT].astype(int) & 0xE8 == 0).all()


def test_experts_and_stages_differ_without_any_fault() -> None:
    by_node = means(scene(kind="tppp", seed=6, nodes=8), TENSOR)[0].reshape(8, 8)
    stages = np.median(by_node, axis=1)
    assert stages.max() / stages.min() == pytest.approx(1.47, abs=0.06)
    watts = np.median(
        means(scene(kind="tppp", seed=6, nodes=8), POWER)[0].reshape(8, 8), axis=1
    )
    assert 1.08 < watts.max() / watts.min() < 1.3
    first, last = means(scene(kind="moe", seed=6, duration_seconds=3600.0), TENSOR)
    assert np.abs(last / first - 1).max() > 0.03


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_healthy_spread_is_that_of_the_measured_traces(seed: int) -> None:
    def worst_of_eight(name: str, *, capped: bool) -> float:
        values = table(ticks(scene(seed=seed, capped=capped)), name)
        nodes = values.reshape(len(values), 6, 8)
        ratio = nodes / np.median(nodes, axis=2, keepdims=True)
        return float(np.median(np.abs(ratio - 1).max(axis=2)))

    # straggler.md section 3.2, within a factor of three either way
    assert 0.002 < worst_of_eight(TENSOR, capped=False) < 0.021
    assert 0.0017 < worst_of_eight(DRAM, capped=False) < 0.015
    assert 0.002 < worst_of_eight(POWER, capped=True) < 0.018
    assert 0.012 < worst_of_eight(CLOCK, capped=True) < 0.075
    assert 0.02 < worst_of_eight(SM, capped=True) < 0.126
