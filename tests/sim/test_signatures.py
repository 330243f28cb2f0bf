"""Every kind of fault: what it looks like, that nothing else does, that it ends."""

import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from tests.sim.conftest import Look, Page

NODE, GPU = "node-03", 5
START, DURING, END, AFTER = 10, 30, 40, 52

CLOCK = "DCGM_FI_DEV_SM_CLOCK"
REASONS = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"
TEMP = "DCGM_FI_DEV_GPU_TEMP"
POWER = "DCGM_FI_DEV_POWER_USAGE"
UTIL = "DCGM_FI_DEV_GPU_UTIL"
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
TENSOR = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"
COPY = "DCGM_FI_DEV_MEM_COPY_UTIL"
XID = "DCGM_FI_DEV_XID_ERRORS"
XID_COUNT = "DCGM_EXP_XID_ERRORS_COUNT"
DBE = "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL"
SBE = "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL"
PENDING = "DCGM_FI_DEV_ROW_REMAP_PENDING"
CRC = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"
REPLAYS = "DCGM_FI_DEV_PCIE_REPLAY_COUNTER"
WIDTH, GEN = "DCGM_FI_DEV_PCIE_LINK_WIDTH", "DCGM_FI_DEV_PCIE_LINK_GEN"
THERMAL_NS = "DCGM_FI_DEV_THERMAL_VIOLATION"
TROUBLE_BITS = 0xE8


def faulty(text: str) -> SimFleet:
    return SimFleet(sticky_xids=False, faults=[Fault.parse(text)])


def pages(fleet: SimFleet, look: Look) -> tuple[Page, Page, Page]:
    def at(second: float) -> Page:
        fleet.advance(second)
        return look(fleet, NODE)

    return at(START - 1), at(DURING), at(AFTER)


def bits(page: Page) -> dict[int, int]:
    trouble = {gpu: int(v) & TROUBLE_BITS for gpu, v in page[REASONS].items()}
    return {gpu: value for gpu, value in trouble.items() if value}


@pytest.mark.parametrize(
    ("fault", "expected", "loss"),
    [
        ("thermal:node-03:5@10-40", {5: 0x48}, 0.5),
        ("thermal:node-03:5@10-40,bits=0x20,percent=40", {5: 0x20}, 0.4),
        ("power_brake:node-03@10-40", dict.fromkeys(range(8), 0x88), 0.5),
        ("power_brake:node-03:5@10-40", dict.fromkeys(range(8), 0x88), 0.5),
        ("hw_slowdown:node-03:5@10-40", {5: 0x8}, 0.5),
        ("clock_locked:node-03:5@10-40,percent=12", {}, 0.12),
    ],
)
def test_a_slowdown_has_its_bits_and_its_clock(
    fault: str, expected: dict[int, int], loss: float, look: Look
) -> None:
    before, during, after = pages(faulty(fault), look)
    assert bits(before) == bits(after) == {}
    assert bits(during) == expected
    ratio = during[CLOCK][GPU] / before[CLOCK][GPU]
    assert ratio == pytest.approx(1 - loss, abs=0.03)
    assert during[CLOCK][0] > 1600 or 0 in expected
    assert after[CLOCK][GPU] == pytest.approx(before[CLOCK][GPU], rel=0.02)


def test_heat_climbs_and_recovers_with_its_time_constants(look: Look) -> None:
    fleet = faulty("thermal:node-03:5@10-40")
    before, during, after = pages(fleet, look)
    assert during[TEMP][GPU] >= 88
    assert before[TEMP][GPU] < 70
    assert during[THERMAL_NS][GPU] == pytest.approx(21e9, rel=0.1)
    assert during[THERMAL_NS][0] == 0
    assert before[TEMP][GPU] + 5 < after[TEMP][GPU] < 85
    fleet.advance(293)
    assert look(fleet, NODE)[TEMP][GPU] == pytest.approx(before[TEMP][GPU], abs=4)


def test_throttling_outlasts_a_thermal_fault_until_the_die_has_cooled(
    look: Look,
) -> None:
    fleet = faulty("thermal:node-03:5@10-40")
    fleet.advance(END + 1)
    assert bits(look(fleet, NODE)) == {GPU: 0x48}


def test_hot_is_warm_without_throttling(look: Look) -> None:
    before, during, _ = pages(faulty("hot:node-03:5@10-400"), look)
    assert during[TEMP][GPU] > before[TEMP][GPU] + 4
    assert bits(during) == {}
    assert during[CLOCK][GPU] == pytest.approx(before[CLOCK][GPU], rel=0.02)


def test_an_xid_sticks_on_the_gauge_and_leaves_the_window(look: Look) -> None:
    fleet = faulty("xid:94:node-03:5@10-40")
    before, during, after = pages(fleet, look)
    assert XID not in before
    assert during[XID] == after[XID] == {GPU: 94}
    assert during[XID_COUNT][GPU] == 1
    assert len(during[TEMP]) == 8
    fleet.advance(START + 301)
    late = look(fleet, NODE)
    assert late[XID] == {GPU: 94}
    assert set(late[XID_COUNT].values()) == {0}


def test_xid_79_leaves_nothing_but_the_code_until_the_reboot(look: Look) -> None:
    before, during, after = pages(faulty("xid:79:node-03:5@10-40"), look)
    assert during[XID] == {GPU: 79}
    assert during[XID_COUNT][GPU] == 1
    silent = [n for n, v in during.items() if n not in {XID, XID_COUNT} and GPU in v]
    assert silent == []
    assert set(during[TEMP]) == set(range(8)) - {GPU}
    assert XID not in after
    assert after[ENERGY][GPU] < before[ENERGY][GPU]


def test_xid_119_blanks_the_whole_node(look: Look) -> None:
    _, during, after = pages(faulty("xid:119:node-03:5@10-40"), look)
    assert set(during) == {XID, XID_COUNT}
    assert set(after[TEMP]) == set(range(8))


def test_an_uncorrectable_error_counts_and_waits_for_a_reset(look: Look) -> None:
    before, during, after = pages(faulty("ecc:node-03:5@10-40"), look)
    assert (before[DBE][GPU], during[DBE][GPU], after[DBE][GPU]) == (0, 1, 0)
    assert (during[PENDING][GPU], after[PENDING][GPU]) == (1, 0)
    assert during[XID] == after[XID] == {GPU: 48}
    assert sum(during[PENDING].values()) == 1
    assert after[ENERGY][GPU] < before[ENERGY][GPU]
    assert after[ENERGY][0] > before[ENERGY][0]
    lasting = "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL"
    assert after[lasting][GPU] == before[lasting][GPU] + 1


@pytest.mark.parametrize(
    ("fault", "metric", "rate"),
    [
        ("sbe:node-03:5@10-40,rate=30", SBE, 30),
        ("nvlink:node-03:5@10-40,rate=40", CRC, 40),
        ("pcie:node-03:5@10-40,rate=20", REPLAYS, 20),
    ],
)
def test_error_counters_rise_at_their_rate_and_then_stop(
    fault: str, metric: str, rate: float, look: Look
) -> None:
    fleet = faulty(fault)
    before, during, after = pages(fleet, look)
    expected = rate * (DURING - START + 1)
    risen = during[metric][GPU] - before[metric][GPU]
    assert risen == pytest.approx(expected, rel=0.2)
    assert during[metric][0] == before[metric][0]
    fleet.advance(AFTER + 60)
    assert look(fleet, NODE)[metric][GPU] == after[metric][GPU]


def test_a_pcie_link_loses_lanes_under_load(look: Look) -> None:
    before, during, after = pages(faulty("pcie:node-03:5@10-40,width=8"), look)
    assert (before[WIDTH][GPU], before[GEN][GPU]) == (16, 5)
    assert (during[WIDTH][GPU], during[GEN][GPU]) == (8, 3)
    assert (after[WIDTH][GPU], after[GEN][GPU]) == (16, 5)
    assert during[WIDTH][0] == 16


def test_an_idle_link_trains_down_on_a_healthy_node(look: Look) -> None:
    fleet = SimFleet()
    assert set(look(fleet, "node-08")[GEN].values()) == {1}
    assert set(look(fleet, "node-08")[WIDTH].values()) == {16}


def test_a_lost_gpu_vanishes_without_a_word(look: Look) -> None:
    before, during, after = pages(faulty("gpu_lost:node-03:5@10-40"), look)
    assert not [name for name, values in during.items() if GPU in values]
    assert set(during[TEMP]) == set(range(8)) - {GPU}
    assert set(after) == set(before)
    assert after[TEMP].keys() == before[TEMP].keys()


@pytest.mark.parametrize(
    "fault", ["gpu_lost:node-03:5@10-40", "node_down:node-02@10-40", "hang@10-40"]
)
def test_a_job_that_waits_for_ever_spins(fault: str, look: Look) -> None:
    _, during, after = pages(faulty(fault), look)
    assert during[POWER][0] == pytest.approx(115, abs=5)
    assert (during[UTIL][0], during[COPY][0], during[TENSOR][0]) == (100, 0, 0)
    assert during[CLOCK][0] == 1980
    assert after[POWER][0] > 640


def test_the_rank_behind_a_hang_does_not_spin(look: Look) -> None:
    _, during, _ = pages(faulty("hang:node-03:5@10-40"), look)
    assert during[UTIL][GPU] == 0
    assert during[UTIL][0] == 100


def test_a_job_end_leaves_the_nodes_idle(look: Look) -> None:
    fleet = faulty("job_end@10")
    _, during, after = pages(fleet, look)
    for page in (during, after):
        assert max(page[POWER].values()) < 80
        assert set(page[UTIL].values()) == {0}
        assert set(page[REASONS].values()) == {0x1}
    assert "hpc_job" not in fleet.render(2)


@pytest.mark.parametrize("kind", ["node_down", "reboot"])
def test_a_node_comes_back_rebooted(kind: str, look: Look) -> None:
    fleet = faulty(f"{kind}:node-03@10-40")
    fleet.advance(START - 1)
    before, boot = look(fleet, NODE), fleet.boot_seconds(2)
    assert boot < -86_400
    fleet.advance(START)
    assert (fleet.condition(2), fleet.render(2)) == ("off", "")
    assert fleet.condition(1) == "up"
    fleet.advance(END)
    after = look(fleet, NODE)
    assert fleet.condition(2) == "up"
    assert fleet.boot_seconds(2) == END
    assert all(after[ENERGY][gpu] < before[ENERGY][gpu] for gpu in range(8))


def test_a_node_is_never_seen_back_with_its_old_counters(look: Look) -> None:
    fleet = SimFleet(1, 2, collect_interval_seconds=30)
    fleet.add(Fault("node_down", "node-01", None, 5, 40))
    fleet.advance(45)
    assert fleet.condition(0) == "off"
    fleet.advance(60)
    assert max(look(fleet, "node-01")[ENERGY].values()) < 1e9


@pytest.mark.parametrize(
    ("kind", "condition"),
    [("gap", "refusing"), ("exporter_error", "failing"), ("reload", "reloading")],
)
def test_a_failing_exporter_forgets_nothing(
    kind: str, condition: str, look: Look
) -> None:
    fleet = faulty(f"{kind}:node-03@10-40")
    fleet.advance(START - 1)
    before = look(fleet, NODE)
    fleet.advance(START)
    assert (fleet.condition(2), fleet.render(2)) == (condition, "")
    fleet.advance(END)
    assert fleet.condition(2) == "up"
    assert look(fleet, NODE)[ENERGY][0] > before[ENERGY][0]


def test_a_frozen_exporter_repeats_its_page(look: Look) -> None:
    fleet = faulty("exporter_frozen:node-03@10-40")
    fleet.advance(START - 1)
    page, other = fleet.render(2), fleet.render(1)
    fleet.add(Fault("xid", NODE, GPU, 15, code=94))
    fleet.advance(DURING)
    assert fleet.render(2) == page
    assert fleet.render(1) != other
    fleet.advance(AFTER)
    assert look(fleet, NODE)[XID] == {GPU: 94}


def test_a_fault_may_be_added_while_time_runs(look: Look) -> None:
    fleet = SimFleet()
    fleet.advance(100)
    fleet.add(Fault("hw_slowdown", NODE, GPU, fleet.now_seconds))
    fleet.advance(101)
    assert bits(look(fleet, NODE)) == {GPU: 0x8}
