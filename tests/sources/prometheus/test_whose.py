"""Whose readings they are: one row a GPU, whatever its labels do."""

import numpy as np

from gpuwatch.model.identity import Gpu
from gpuwatch.sources.identity import Naming
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, T0, UUIDS, Tape, stamps


def test_with_honor_labels_false_the_workload_is_the_exported_pod(
    site: MakeSite,
) -> None:
    tape = Tape()
    own = {"pod": "metrics-x7k2p", "namespace": "monitoring"}
    work = {"exported_pod": "llm-worker-3", "exported_namespace": "ml"}
    tape.gpu("a", 0, **own, **work)
    tape.gpu("a", 1, **own)
    made = site(tape)
    seen = made.read()
    jobs = {gpu.uuid: seen.job(row) for row, gpu in enumerate(made.fleet.gpus)}
    assert jobs == {UUIDS[0]: "ml/llm", UUIDS[1]: ""}


def test_a_gpu_is_introduced_with_slot_and_model(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 3)
    made = site(tape)
    made.read()
    model = "NVIDIA H100 80GB HBM3"
    assert made.fleet.gpus == [Gpu("a", UUIDS[3], index=3, model=model)]


def test_nothing_but_node_and_uuid_makes_a_gpu(site: MakeSite) -> None:
    """Driver upgrade, new pod, two jobs on one GPU, Hostname renamed: one row."""
    tape = Tape()
    early, late = stamps(T0, T0 + 135), stamps(T0 + 150, LAST)
    tape.gpu("a", 0, None, early, DCGM_FI_DRIVER_VERSION="1", instance="10.0.0.1:9400")
    renamed = {"Hostname": "", "hostname": "a", "instance": "10.0.0.2:9400"}
    for job in ("22", "11"):
        tape.gpu("a", 0, None, late, hpc_job=job, DCGM_FI_DRIVER_VERSION="2", **renamed)
    made = site(tape)
    for at in (T0 + 60, T0 + 150, LAST):
        seen = made.read(at)
        assert seen.rows == 1
        assert seen.present.all()
        assert seen.columns["gpu_temperature_celsius"] == [40]
    assert seen.job(0) == "11"
    assert made.fleet.instances["10.0.0.2:9400"] == "a"


def test_a_job_ends_when_its_series_does(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 135), hpc_job="7")
    tape.gpu("a", 0, None, stamps(T0 + 150, LAST), hpc_job="0")
    made = site(tape)
    assert made.read(T0 + 140).job(0) == "7"
    assert made.read(T0 + 150).job(0) == ""


def test_a_restarted_pod_without_a_name_keeps_its_row(site: MakeSite) -> None:
    tape = Tape()
    for number in range(2):
        one = {"Hostname": "424773df46e0", "instance": "10.0.0.1:9400"}
        tape.gpu("x", number, None, stamps(T0, T0 + 135), **one)
        two = {"Hostname": "524773df46e0", "instance": "10.0.0.2:9400"}
        tape.gpu("x", number, None, stamps(T0 + 150, LAST), **two)
    made = site(tape)
    made.read(T0 + 60)
    seen = made.read(LAST)
    assert made.fleet.nodes == ["10.0.0.1"]
    assert seen.present.tolist() == [True, True]


def test_a_card_that_moved_has_its_readings_where_it_is_now(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 30}, stamps(T0, T0 + 135))
    tape.gpu("b", 0, {"DCGM_FI_DEV_GPU_TEMP": 50}, stamps(T0 + 150, LAST))
    made = site(tape)
    made.read(T0 + 135)
    seen = made.read(T0 + 165)
    assert [gpu.node for gpu in made.fleet.gpus] == ["a", "b"]
    assert seen.present.tolist() == [False, True]
    assert seen.columns["gpu_temperature_celsius"][1] == 50
    assert made.fleet.retired == {0}


def test_mig_instances_are_rows_of_their_own(site: MakeSite) -> None:
    tape = Tape()
    for instance in ("3", "5"):
        tape.gpu("a", 0, GPU_I_ID=instance, GPU_I_PROFILE="2g.20gb")
    tape.gpu("a", 1)
    tape.add(
        "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
        7,
        gpu_uuid=UUIDS[0],
        nvlink="1",
        hostname="a",
    )
    made = site(tape)
    seen = made.read()
    rows = {(gpu.uuid, gpu.mig): row for row, gpu in enumerate(made.fleet.gpus)}
    assert set(rows) == {(UUIDS[0], "3"), (UUIDS[0], "5"), (UUIDS[1], "")}
    links = seen.columns["nvlink_crc_errors"]
    assert links[rows[UUIDS[0], "3"]] == links[rows[UUIDS[0], "5"]] == 7
    assert np.isnan(links[rows[UUIDS[1], ""]])


def test_replicas_of_prometheus_are_one_fleet_and_do_not_add_up(site: MakeSite) -> None:
    tape = Tape()
    link = "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL"
    for replica in ("a", "b"):
        tape.gpu("n", 0, replica=replica)
        for nvlink, errors in (("0", 3), ("1", 4)):
            labels = {"gpu_uuid": UUIDS[0], "nvlink": nvlink, "hostname": "n"}
            tape.add(link, errors, **labels, replica=replica, instance="n:9400")
    seen = site(tape).read()
    assert seen.rows == 1
    assert seen.columns["nvlink_crc_errors"].tolist() == [7]


def test_a_node_map_and_own_labels_are_obeyed(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("gpu-01.cluster", 0, rack_node="r1")
    named = Naming(node_labels=("Hostname",), node_map={r"(.+)\.cluster": "$1"})
    made = site(tape, named)
    made.read()
    assert made.fleet.nodes == ["gpu-01"]
    other = site(tape, Naming(node_labels=("rack_node",)))
    other.read()
    assert other.fleet.nodes == ["r1"]
