"""Zero or unknown: what a sparse answer's silence means."""

import numpy as np

from gpuwatch.model.snapshot import Column
from tests.sources.conftest import MakeSite, Site, opened
from tests.sources.refusing import Refusing
from tests.sources.tape import LAST, T0, UUIDS, Tape, stamps

NAN = float("nan")
PENDING = "DCGM_FI_DEV_ROW_REMAP_PENDING"
TEMPERATURE = {"DCGM_FI_DEV_GPU_TEMP": 40.0}


def by_uuid(made: Site, column: Column) -> list[float]:
    gpus = made.fleet.gpus
    order = sorted(range(len(gpus)), key=lambda row: gpus[row].uuid)
    return [float(column[row]) for row in order]


def test_silence_is_zero_where_the_node_exports_the_metric(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {**TEMPERATURE, PENDING: 0})
    tape.gpu("a", 1, {**TEMPERATURE, PENDING: 1})
    tape.gpu("b", 2, TEMPERATURE)
    made = site(tape)
    found = made.read().columns["row_remap_pending"]
    np.testing.assert_array_equal(by_uuid(made, found), [0, 1, NAN])


def test_the_gpu_without_a_series_on_an_exporting_node_stays_unknown(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0, {**TEMPERATURE, PENDING: 0})
    tape.gpu("a", 1, TEMPERATURE)
    tape.gpu("a", 2, {**TEMPERATURE, PENDING: 1})
    made = site(tape)
    for _ in range(2):
        found = made.read().columns["row_remap_pending"]
        np.testing.assert_array_equal(by_uuid(made, found), [0, NAN, 1])


def test_a_duplicated_series_does_not_stand_in_for_a_missing_one(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0, {**TEMPERATURE, PENDING: 0}, hpc_job="1")
    tape.gpu("a", 0, {**TEMPERATURE, PENDING: 0}, hpc_job="2")
    tape.gpu("a", 1, TEMPERATURE)
    made = site(tape)
    found = made.read().columns["row_remap_pending"]
    np.testing.assert_array_equal(by_uuid(made, found), [0, NAN])


def test_a_metric_that_vanishes_later_is_unknown_at_once(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    tape.gpu("a", 0, {PENDING: 0}, stamps(T0, T0 + 150))
    made = site(tape)
    assert made.read(T0 + 150).columns["row_remap_pending"] == [0]
    assert "row_remap_pending" not in made.read(LAST).columns


def test_a_lost_gpu_is_no_reason_to_doubt_its_siblings(site: MakeSite) -> None:
    tape = Tape()
    readings = {**TEMPERATURE, PENDING: 0}
    tape.gpu("a", 0, readings, stamps(T0, T0 + 150))
    tape.gpu("a", 1, readings)
    made = site(tape)
    made.read(T0 + 150)
    found = made.read(LAST).columns["row_remap_pending"]
    np.testing.assert_array_equal(by_uuid(made, found), [NAN, 0])


def test_old_and_new_name_prove_each_their_own_nodes(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {**TEMPERATURE, "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": 0})
    tape.gpu("b", 1, {**TEMPERATURE, "DCGM_FI_DEV_PCIE_REPLAY_TOTAL": 0})
    tape.gpu("b", 2, {**TEMPERATURE, "DCGM_FI_DEV_PCIE_REPLAY_TOTAL": 5})
    made = site(tape)
    found = made.read().columns["pcie_replays"]
    assert by_uuid(made, found) == [0, 0, 5]


def test_links_are_summed_and_their_silence_is_proven_card_by_card(
    site: MakeSite,
) -> None:
    tape = Tape()
    errors = "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_TOTAL"
    state = "DCGM_FI_DEV_NVLINK_LINK_STATUS"
    for number in range(3):
        tape.gpu("a", number)
        for link in range(2):
            labels = {"gpu_uuid": UUIDS[number], "nvlink": str(link), "Hostname": "a"}
            labels["instance"] = "a:9400"
            tape.add(errors, 2 if number == 1 else 0, **labels)
            tape.add(state, 2 if (number, link) == (2, 1) else 3, **labels)
    tape.gpu("b", 3)
    made = site(tape)
    seen = made.read()
    replays = by_uuid(made, seen.columns["nvlink_replay_errors"])
    np.testing.assert_array_equal(replays, [0, 4, 0, NAN])
    down = by_uuid(made, seen.columns["nvlinks_down"])
    np.testing.assert_array_equal(down, [0, 0, 1, NAN])


def test_a_gpus_own_total_and_its_links_are_not_added(site: MakeSite) -> None:
    tape = Tape()
    name = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"
    tape.gpu("a", 0, {**TEMPERATURE, name: 9})
    for link in range(2):
        tape.add(name, 4, gpu_uuid=UUIDS[0], nvlink=str(link), Hostname="a")
    assert site(tape).read().columns["nvlink_crc_errors"] == [9]


def test_a_card_in_mig_mode_counts_once_for_its_links(site: MakeSite) -> None:
    tape = Tape()
    name = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"
    for instance in ("1", "2"):
        tape.gpu("a", 0, GPU_I_ID=instance)
    tape.add(name, 0, gpu_uuid=UUIDS[0], nvlink="0", Hostname="a", instance="a:9400")
    assert site(tape).read().columns["nvlink_crc_errors"].tolist() == [0, 0]


def test_a_proof_that_fails_leaves_the_metric_unread(site: MakeSite) -> None:
    """A proxy that refuses the presence query must not make zeros."""
    tape = Tape()
    tape.gpu("a", 0, {**TEMPERATURE, PENDING: 0})
    made = site(tape)
    url = made.client.settings.addresses[0]
    with Refusing(url, "count by") as proxy, opened(proxy.url) as behind:
        seen = behind.read()
    assert "refused by the test" in seen.unread["row_remap_pending"]
    assert "row_remap_pending" not in seen.columns
    assert seen.columns["gpu_temperature_celsius"] == [40]
