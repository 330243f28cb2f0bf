"""Node columns and custom PromQL."""

import numpy as np
import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Subject
from gpuwatch.ports import CustomQuery, Plan
from tests.sources.conftest import MakeSite, Site, opened
from tests.sources.refusing import Refusing
from tests.sources.tape import LAST, T0, UUIDS, Tape, stamps

NAN = float("nan")
BOOT = "node_boot_time_seconds"


def node_column(made: Site, name: str, at: float = LAST) -> dict[str, float]:
    column = made.read(at).node_columns[name].tolist()
    return dict(zip(made.fleet.nodes, column, strict=True))


def test_a_silent_exporter_is_known_by_the_target_it_was(site: MakeSite) -> None:
    tape = Tape()
    early = stamps(T0, T0 + 150)
    tape.gpu("a", 0, None, early, instance="10.0.0.1:9400")
    tape.gpu("b", 1, instance="10.0.0.2:9400")
    tape.add("up", 1, early, job="dcgm", instance="10.0.0.1:9400")
    tape.add("up", 0, stamps(T0 + 165), job="dcgm", instance="10.0.0.1:9400")
    tape.add("up", 1, job="dcgm", instance="10.0.0.2:9400")
    tape.add("up", 1, job="other", instance="10.0.0.1:9100")
    made = site(tape)
    assert node_column(made, "exporter_up", T0 + 150) == {"a": 1, "b": 1}
    assert node_column(made, "exporter_up") == {"a": 0, "b": 1}
    restarted = opened(made.client.settings.addresses[0])
    with restarted as later:
        gpus, instances = made.fleet.gpus, made.fleet.instances
        later.fleet = Fleet("test", gpus=gpus, instances=instances)
        assert node_column(later, "exporter_up") == {"a": 0, "b": 1}


def test_a_target_that_is_gone_is_unknown(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    made = site(tape)
    assert node_column(made, "exporter_up") == pytest.approx({"a": NAN}, nan_ok=True)


def test_a_restarted_pod_leaves_no_ghost_that_is_down(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0, None, stamps(T0, T0 + 135), instance="10.0.0.1:9400")
    tape.gpu("a", 0, None, stamps(T0 + 150), instance="10.0.0.2:9400")
    tape.add("up", 0, job="dcgm", instance="10.0.0.1:9400")
    tape.add("up", 1, job="dcgm", instance="10.0.0.2:9400")
    made = site(tape)
    made.read(T0 + 135)
    assert node_column(made, "exporter_up") == {"a": 1}


def test_where_all_share_an_instance_the_targets_labels_tell(site: MakeSite) -> None:
    tape = Tape()
    for number, node in enumerate("ab"):
        tape.gpu(node, number, instance="localhost:9400", node=node)
        up = float(node == "a")
        tape.add("up", up, job="dcgm", instance="localhost:9400", node=node)
    assert node_column(site(tape), "exporter_up") == {"a": 1, "b": 0}


@pytest.mark.parametrize(
    "labels",
    [
        {"instance": "gpu-01:9100"},
        {"instance": "gpu-01.cluster:9100"},
        {"instance": "10.9.9.9:9100", "node": "gpu-01"},
        {"instance": "10.0.0.1:9100"},
        {"instance": "10.9.9.9:9100", "nodename": "gpu-01"},
    ],
    ids=lambda labels: " ".join(labels.values()),
)
def test_a_hosts_exporter_is_found_by_name_address_or_uname(
    site: MakeSite, labels: dict[str, str]
) -> None:
    tape = Tape()
    tape.gpu("gpu-01", 0, instance="10.0.0.1:9400")
    tape.gpu("gpu-02", 1, instance="10.0.0.2:9400")
    plain = {k: v for k, v in labels.items() if k != "nodename"}
    tape.add("node_uname_info", 1, job="node", **labels)
    tape.add(BOOT, 1.7e9, job="node", **plain)
    tape.add(BOOT, 1.6e9, job="node", instance="storage-01:9100")
    tape.add("up", 1, job="node", **plain)
    made = site(tape)
    boots = node_column(made, "boot_time_seconds")
    assert boots == pytest.approx({"gpu-01": 1.7e9, "gpu-02": NAN}, nan_ok=True)
    ups = node_column(made, "node_exporter_up")
    assert ups == pytest.approx({"gpu-01": 1, "gpu-02": NAN}, nan_ok=True)


def test_a_host_that_went_down_is_down_even_after_our_restart(site: MakeSite) -> None:
    tape = Tape()
    for number, node in enumerate(("gpu-01", "gpu-02")):
        at = stamps(T0, T0 + 150) if number == 0 else stamps()
        tape.gpu(node, number, None, at)
        tape.add(BOOT, 1.7e9, at, job="node", instance=f"{node}:9100")
        late = [0.0 if number == 0 and t > T0 + 150 else 1.0 for t in stamps()]
        tape.add("up", late, job="node", instance=f"{node}:9100")
    made = site(tape)
    with opened(made.client.settings.addresses[0]) as fresh:
        fresh.fleet = made.fleet
        made.read(T0 + 150)
        assert node_column(made, "node_exporter_up") == {"gpu-01": 0, "gpu-02": 1}
        assert node_column(fresh, "node_exporter_up") == {"gpu-01": 0, "gpu-02": 1}


def answers(made: Site, *queries: CustomQuery) -> dict[str, object]:
    plan = Plan(queries=queries)
    return dict(made.read(plan=plan).answers)


def test_a_custom_query_speaks_of_gpus_nodes_jobs_or_the_cluster(
    site: MakeSite,
) -> None:
    tape = Tape()
    tape.gpu("a", 0, {"DCGM_FI_DEV_GPU_TEMP": 70}, hpc_job="7")
    tape.gpu("b", 1, {"DCGM_FI_DEV_GPU_TEMP": 80}, hpc_job="7")
    tape.add("disk", 5, instance="a:9100", job="node")
    tape.add("disk", 6, instance="store-1:9100", job="node")
    temperature = "DCGM_FI_DEV_GPU_TEMP"
    found = answers(
        site(tape),
        CustomQuery("gpu", f"{temperature} > 75"),
        CustomQuery("by_uuid", f"max by (UUID) ({temperature})"),
        CustomQuery("node", "disk"),
        CustomQuery("host", f"max by (Hostname) ({temperature}) < 75"),
        CustomQuery("job", f"max by (hpc_job) ({temperature})"),
        CustomQuery("all", f"max({temperature})"),
        CustomQuery("none", f"{temperature} > 100"),
        CustomQuery("scalar", "7"),
    )
    gpu = {u: Subject("test", n, u) for n, u in (("a", UUIDS[0]), ("b", UUIDS[1]))}
    assert found == {
        "gpu": {gpu[UUIDS[1]]: 80},
        "by_uuid": {gpu[UUIDS[0]]: 70, gpu[UUIDS[1]]: 80},
        "node": {Subject("test", "a"): 5, Subject("test", "store-1"): 6},
        "host": {Subject("test", "a"): 70},
        "job": {Subject("test", job="7"): 80},
        "all": {Subject("test"): 80},
        "none": {},
        "scalar": {Subject("test"): 7},
    }


def test_a_failed_query_or_an_empty_guard_is_no_answer(site: MakeSite) -> None:
    tape = Tape()
    tape.gpu("a", 0)
    made = site(tape)
    plan = Plan(
        queries=(
            CustomQuery("broken", "max by ("),
            CustomQuery("unguarded", "disk > 1"),
            CustomQuery("blind", "disk > 1", present="disk"),
            CustomQuery("seeing", "disk > 1", present="DCGM_FI_DEV_GPU_TEMP"),
            CustomQuery("bad_guard", "DCGM_FI_DEV_GPU_TEMP", present=")("),
        )
    )
    seen = made.read(plan=plan)
    assert seen.answers == {
        "broken": None,
        "unguarded": {},
        "blind": None,
        "seeing": {},
        "bad_guard": None,
    }
    assert set(seen.unread) == {"broken", "blind", "bad_guard"}
    assert "guard" in seen.unread["blind"]


def test_a_failed_metric_is_unread_and_the_rest_is_there(site: MakeSite) -> None:
    tape = Tape()
    readings = {"DCGM_FI_DEV_GPU_TEMP": 40.0, "DCGM_FI_DEV_POWER_USAGE": 100.0}
    tape.gpu("a", 0, readings)
    url = site(tape).client.settings.addresses[0]
    refused = "max by (UUID, uuid, GPU_I_ID) (DCGM_FI_DEV_POWER"
    with Refusing(url, refused) as proxy, opened(proxy.url) as behind:
        seen = behind.read()
    assert set(seen.unread) == {"power_watts"}
    assert "power_watts" not in seen.columns
    np.testing.assert_array_equal(seen.columns["gpu_temperature_celsius"], [40])
