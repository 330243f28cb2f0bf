import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fields import GENERATIONS, Counters, Generation
from gpuwatch.sim.fleet import SimFleet
from tests.sim.conftest import Look


def names(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


@pytest.mark.parametrize("counters", ["full", "stock"])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_page_parses_and_covers_every_gpu(
    generation: Generation, counters: Counters
) -> None:
    fleet = SimFleet(2, 8, generation=generation, counters=counters, sticky_xids=False)
    fleet.advance(5)
    families = list(text_string_to_metric_families(fleet.render(1)))
    assert len(families) == len({family.name for family in families})
    for family in families:
        assert family.documentation
        assert family.type in {"gauge", "counter"}
        assert [s.labels["gpu"] for s in family.samples] == list("01234567")
        assert {s.labels["modelName"] for s in family.samples} == {
            "NVIDIA H100 80GB HBM3"
        }


def test_every_family_is_headed_and_ended_as_the_exporter_does() -> None:
    text = SimFleet(1, 2).render(0)
    family = re.compile(r"# HELP (\S+) .+\n# TYPE \1 \w+\n(?:\1\{.+\} -?[\d.]+\n)+")
    assert family.sub("", text) == ""
    assert len(family.findall(text)) > 50


@pytest.mark.parametrize(
    ("generation", "labels"),
    [
        ("legacy", "Hostname DCGM_FI_DRIVER_VERSION"),
        ("current", "Hostname DCGM_FI_DRIVER_VERSION"),
        ("next", "hostname DCGM_FI_SYSTEM_DRIVER_VERSION"),
    ],
)
def test_labels_come_in_the_exporters_order(
    generation: Generation, labels: str
) -> None:
    text = SimFleet(1, 1, generation=generation).render(0)
    line = next(x for x in text.splitlines() if "MEMORY_TEMP" in x and x[0] != "#")
    found = re.findall(r'(\w+)="', line)
    assert found == (f"gpu UUID pci_bus_id device modelName {labels} hpc_job".split())


@pytest.mark.parametrize(
    ("generation", "expected"),
    [
        ("legacy", {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", "DCGM_FI_DEV_SM_CLOCK"}),
        ("current", {"DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_SM_CLOCK"}),
        ("next", {"DCGM_FI_DEV_SM_CLOCK_HERTZ", "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL"}),
    ],
)
def test_each_generation_has_its_names(
    generation: Generation, expected: set[str]
) -> None:
    fleet = SimFleet(3, 1, generations={1: generation})
    assert expected <= names(fleet.render(1))
    assert "DCGM_FI_DEV_CLOCKS_EVENT_REASONS" in names(fleet.render(0))


def test_the_next_generation_counts_in_base_units(look: Look) -> None:
    fleet = SimFleet(2, 2, generations={1: "next"}, sticky_xids=False)
    old, new = look(fleet, "node-01"), look(fleet, "node-02")
    assert new["DCGM_FI_DEV_SM_CLOCK_HERTZ"][0] > 1e9
    assert new["DCGM_FI_DEV_GPU_UTIL_RATIO"][0] == 1.0
    assert old["DCGM_FI_DEV_GPU_UTIL"][0] == 100
    energy_mj = fleet.readings.columns["energy_mj"][2]
    joules = new["DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL"][0]
    assert joules == pytest.approx(energy_mj / 1e3)


def test_the_stock_csv_has_none_of_the_optional_fields() -> None:
    stock = names(SimFleet(1, 1, counters="stock").render(0))
    full = names(SimFleet(1, 1).render(0))
    assert stock < full
    for word in ("REASONS", "ECC", "VIOLATION", "PENDING", "LIMIT", "_EXP_", "CRC"):
        assert not [name for name in stock if word in name]
        assert [name for name in full if word in name]


@pytest.mark.parametrize(
    ("generation", "healthy"),
    [("legacy", {0: 0.0}), ("current", None), ("next", {0: 0.0})],
)
def test_a_healthy_xid_is_zero_or_absent_by_generation(
    generation: Generation, healthy: dict[int, float] | None, look: Look
) -> None:
    fleet = SimFleet(1, 1, generation=generation, sticky_xids=False)
    page = look(fleet, "node-01")
    name = "DCGM_FI_DEV_XID_ERROR" + ("" if generation == "next" else "S")
    assert page.get(name) == healthy
    assert page["DCGM_EXP_XID_ERRORS_COUNT"] == {0: 0.0}


def test_an_xid_names_its_code_and_text() -> None:
    fleet = SimFleet(1, 2, sticky_xids=False)
    fleet.add(Fault("xid", "node-01", 1, code=31))
    fleet.advance(1)
    (gauge,) = [
        x for x in fleet.render(0).splitlines() if x.startswith("DCGM_FI_DEV_X")
    ]
    cause = '",err_code="31",err_msg="GPU memory page fault",hpc_job="4211"} 31'
    assert gauge.endswith(cause)
    assert 'window_size_in_ms="300000",xid="31",hpc_job="4211"} 1' in fleet.render(0)


def test_one_old_xid_sticks_to_a_healthy_fleet() -> None:
    def count(fleet: SimFleet) -> int:
        pages = [fleet.render(i) for i in range(fleet.nodes)]
        assert all('xid="31"' not in page for page in pages)
        return sum(page.count('err_code="31"') for page in pages)

    assert count(SimFleet()) == 1
    assert count(SimFleet(sticky_xids=False)) == 0


def test_only_gpus_in_the_job_carry_its_label() -> None:
    fleet = SimFleet(2, 1, job_nodes=[1], hpc_job="77")
    assert 'hpc_job="77"' in fleet.render(1)
    assert "hpc_job" not in fleet.render(0)
    assert "hpc_job" not in SimFleet(2, 1, hpc_job=None).render(1)


def test_a_part_without_a_thermal_margin_leaves_the_field_out() -> None:
    page = SimFleet(1, 1, model="NVIDIA A100-SXM4-80GB").render(0)
    assert "GPU_TEMP_LIMIT" not in page
    assert "GPU_TEMP_LIMIT" in SimFleet(1, 1).render(0)


def test_an_unknown_generation_is_refused() -> None:
    wrong: Generation = "future"  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"'future'.*legacy, current, next"):
        SimFleet(generation=wrong)


def test_uuids_and_pages_depend_on_the_seed_alone() -> None:
    first, second, other = SimFleet(seed=1), SimFleet(seed=1), SimFleet(seed=2)
    for fleet in (first, second, other):
        fleet.advance(20)
    assert first.render(3) == second.render(3)
    assert first.gpus[0].uuid != other.gpus[0].uuid
    assert len({gpu.uuid for gpu in first.gpus}) == 64
