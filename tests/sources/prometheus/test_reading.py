"""Fleets as a real Prometheus shows them: generations, identity, freshness."""

import json
from pathlib import Path

import numpy as np
import pytest

from gpuwatch.errors import SourceError
from gpuwatch.ports import Plan
from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import backfilled
from tests.sources.conftest import MakeSite, opened
from tests.sources.tape import LAST, STEP, T0, UUIDS, Tape, stamps

DATA = Path(__file__).parents[2] / "data" / "samples"
NAN = float("nan")


def test_three_generations_in_one_fleet_read_alike() -> None:
    fleet = SimFleet(3, 2, generations={0: "legacy", 1: "current", 2: "next"})
    lines = backfill(fleet, start_seconds=T0, end_seconds=LAST, step_seconds=STEP)
    with (
        backfilled("".join(lines), lookback=None) as served,
        opened(served.url) as site,
    ):
        seen = site.read()
        found = [site.fleet.row(gpu.node, gpu.uuid) for gpu in fleet.gpus]
        rows = [row for row in found if row is not None]
        ours = fleet.readings.columns
    assert seen.unread == {}
    pairs = {
        "gpu_temperature_celsius": ours["gpu_temp"],
        "sm_clock_megahertz": ours["sm_clock"],
        "power_watts": ours["power"],
        "energy_joules": ours["energy_mj"] / 1e3,
        "utilization_percent": ours["gpu_util"],
        "memory_copy_percent": ours["mem_copy_util"],
        "throttle_reasons": ours["reasons"],
        "thermal_violation_seconds": ours["thermal_ns"] / 1e9,
        "power_limit_watts": ours["power_limit_enforced"],
        "ecc_uncorrectable_volatile": ours["dbe_volatile"],
        "rows_remapped_uncorrectable": ours["rows_remapped_uncorrectable"],
        "row_remap_pending": ours["remap_pending"],
        "nvlink_crc_errors": ours["nvlink_crc_flit"],
    }
    for name, expected in pairs.items():
        values = seen.columns[name][rows]
        np.testing.assert_allclose(values, expected, rtol=1e-6, atol=2e-6, err_msg=name)
    assert seen.jobs == ("4211",)
    assert [seen.job(row) for row in rows] == ["4211", "4211", "", "", "", ""]


def test_lower_cased_names_of_opentelemetry_are_read(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"dcgm_fi_dev_gpu_temp": 41, "DCGM_FI_DEV_POWER_USAGE": 300})
    tape.gpu("b", 1, {"DCGM_FI_DEV_GPU_TEMP": 42, "dcgm_fi_dev_power_usage": 301})
    seen = site(tape).read()
    assert sorted(seen.columns["gpu_temperature_celsius"]) == [41, 42]
    assert sorted(seen.columns["power_watts"]) == [300, 301]


def test_the_cluster_of_nvidias_evidence(site: MakeSite) -> None:
    """Two 8 x H100 nodes through the API, honor_labels false."""
    tape = Tape()
    answers = json.loads(
        (DATA / "h100_k8s_aicr_2026-03.prometheus_api.json").read_text()
    )
    for answer in answers:
        for one in answer["response"]["data"]["result"]:
            labels = {k: v for k, v in one["metric"].items() if k != "__name__"}
            value = float(one["value"][1])
            tape.add(one["metric"]["__name__"], value, [LAST - 10], **labels)
    made = site(tape)
    seen = made.read()
    assert sorted(set(made.fleet.nodes)) == ["gpu-node-1", "gpu-node-2"]
    assert seen.present.sum() == seen.rows == 16
    assert seen.jobs == ()  # every pod label there is the exporter's own
    assert (seen.columns["gpu_temperature_celsius"] > 20).all()
    assert made.fleet.instances == {
        "10.0.172.246:9400": "gpu-node-1",
        "10.0.247.52:9400": "gpu-node-2",
    }


def test_an_old_sample_is_absent_though_prometheus_still_shows_it(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 150))
    tape.gpu("a", 1)
    power = {"DCGM_FI_DEV_POWER_USAGE": 500}
    tape.gpu("a", 1, power, stamps(T0, T0 + 150))
    made = site(tape)
    just = made.read(T0 + 150 + 90)
    assert just.present.all()
    assert just.columns["power_watts"][1] == 500
    late = made.read(T0 + 150 + 91)
    assert late.present.tolist() == [False, True]
    assert late.sampled_at[1] == T0 + 240
    assert np.isnan(late.columns["gpu_temperature_celsius"][0])
    assert "power_watts" not in late.columns


def test_a_gpu_lives_while_any_quantity_does(site: MakeSite) -> None:
    """One field gone blank is no lost GPU; and some never had a temperature."""
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 150))
    tape.gpu("a", 0, {"DCGM_FI_DEV_POWER_USAGE": 500})
    tape.gpu("a", 1)
    tape.gpu("a", 2, {"DCGM_FI_DEV_SM_CLOCK": 1980})
    made = site(tape)
    made.read(T0 + 150)
    seen = made.read(LAST)
    assert seen.present.tolist() == [True, True, True]
    again = made.read(LAST)
    assert again.present.all()


def test_a_fleet_that_changes_generation_between_two_looks_is_not_lost(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 135))
    tape.gpu("b", 1)
    newer = {"DCGM_FI_DEV_GPU_TEMP_CELSIUS": 41, "DCGM_FI_DEV_SM_CLOCK_HERTZ": 1.98e9}
    tape.gpu("a", 0, newer, stamps(T0 + 150, LAST), Hostname="", hostname="a")
    made = site(tape)
    made.read(T0 + 135)
    seen = made.read(T0 + 270)
    assert seen.present.tolist() == [True, True]
    assert seen.columns["sm_clock_megahertz"][0] == 1980


def test_a_ratio_of_one_is_unknown_until_its_node_tells_the_unit(
    site: MakeSite,
) -> None:
    tape = Tape()
    name = "DCGM_FI_DEV_GPU_UTIL_RATIO"
    temperature = {"DCGM_FI_DEV_GPU_TEMP": 40.0}
    tape.gpu("a", 0, temperature)
    tape.gpu("a", 0, {name: [1.0] * 15 + [0.5] * 6})
    tape.gpu("a", 1, {**temperature, name: 1.0})
    tape.gpu("b", 2, {**temperature, name: 1.0})
    tape.gpu("b", 3, {**temperature, name: 80.0})
    made = site(tape)
    early = made.read(T0 + 60).columns["utilization_percent"]
    found = [made.fleet.row(*place) for place in zip("aabb", UUIDS, strict=False)]
    order = [row for row in found if row is not None]
    np.testing.assert_array_equal(early[order], [NAN, NAN, 1, 80])
    late = made.read(LAST).columns["utilization_percent"]
    np.testing.assert_array_equal(late[order], [50, 100, 1, 80])


def test_blanks_and_nonsense_are_absent_and_counted(site: MakeSite) -> None:
    tape = Tape()
    readings = {"DCGM_FI_DEV_GPU_TEMP": 40.0, "DCGM_FI_DEV_POWER_USAGE": 100.0}
    tape.gpu("a", 0, {**readings, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 2.0**63})
    tape.gpu("a", 1, {**readings, "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 0.0})
    tape.gpu("a", 2, {"DCGM_FI_DEV_GPU_TEMP": 82505.0, "DCGM_FI_DEV_POWER_USAGE": 1e5})
    tape.gpu("a", 2, {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 3.0})
    seen = site(tape).read()
    assert seen.present.all()
    expected = {
        "gpu_temperature_celsius": 1,
        "power_watts": 1,
        "ecc_uncorrectable_volatile": 1,
    }
    assert seen.dropped == expected
    errors = sorted(seen.columns["ecc_uncorrectable_volatile"], key=repr)
    np.testing.assert_array_equal(errors, [0, 3, NAN])


HOSTILE = ['a"} or vector(1) #', "back\\slash", "new\nline", "{{x}}", "тест|.*", "$1"]


def test_hostile_labels_are_only_text(site: MakeSite) -> None:
    tape = Tape()
    for number, text in enumerate(HOSTILE):
        labels = {"Hostname": text, "UUID": f"GPU-{text}", "hpc_job": text, "job": text}
        late = stamps(T0, T0 + 150) if number == 0 else stamps()
        tape.gpu("x", number, None, late, **{**labels, "instance": f"h{number}:9400"})
        tape.add("up", 1, instance=f"h{number}:9400", job=text)
    made = site(tape)
    made.read(T0 + 150)
    seen = made.read(LAST)
    assert seen.unread == {}
    assert sorted(made.fleet.nodes) == sorted(HOSTILE)
    assert seen.present.sum() == len(HOSTILE) - 1
    assert set(seen.jobs) == set(HOSTILE[1:])
    np.testing.assert_array_equal(seen.node_columns["exporter_up"], 1)


def test_only_what_is_planned_is_read(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 40, "DCGM_FI_DEV_POWER_USAGE": 9})
    seen = site(tape).read(plan=Plan(metrics={"power_watts": 0.0}))
    assert set(seen.columns) == {"power_watts"}
    assert seen.present.all()


def test_a_prometheus_without_dcgm_says_so(site: MakeSite) -> None:
    tape = Tape()
    tape.add("something", 1)
    seen = site(tape).read()
    assert seen.rows == 0
    assert "no DCGM metric" in seen.unread["heartbeat"]


def test_without_a_prometheus_there_is_no_reading(free_port: int) -> None:
    with opened(f"http://127.0.0.1:{free_port}") as site, pytest.raises(SourceError):
        site.read()
