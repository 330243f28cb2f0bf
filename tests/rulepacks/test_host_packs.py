"""The packs host and checkpoint: one fault a rule, on a node of its own."""

import pytest

from tests.rulepacks.nodes import NODES, Nodes, told
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, stamps

UNIT = "node_systemd_unit_state"
FILES = "node_filesystem_"
ROOT = {"mountpoint": "/", "device": "/dev/md0", "fstype": "ext4"}
SHARED = {"mountpoint": "/lustre/ckpt", "device": "mds:/fs", "fstype": "lustre"}


def host(*, faulty: bool) -> Nodes:
    nodes = Nodes()

    def at(**bad: float) -> dict[str, float]:
        return bad if faulty else {}

    def unit(name: str, active: float, bad: dict[str, float]) -> None:
        inactive = {node: 1 - value for node, value in bad.items()}
        nodes.put(UNIT, active, bad, labels={"name": name, "state": "active"})
        nodes.put(
            UNIT, 1 - active, inactive, labels={"name": name, "state": "inactive"}
        )

    unit("nvidia-persistenced.service", 1, at(n01=0))
    unit("nvidia-fabricmanager.service", 0, {})  # installed, used nowhere
    unit("cups.service", 1, at(n09=0))
    failed = {"name": "slurmd.service", "state": "failed"}
    nodes.put(UNIT, 0, at(n02=1), labels=failed)
    nodes.put("node_memory_MemTotal_bytes", 2e12)
    nodes.put("node_memory_MemAvailable_bytes", 1e12, at(n03=5e10, n11=6.1e10))
    nodes.put("node_vmstat_oom_kill", 4, at(n04=6))
    nodes.put(f"{FILES}size_bytes", 1e12, labels=ROOT)
    nodes.put(f"{FILES}avail_bytes", 5e11, at(n05=4e10, n11=6e10), labels=ROOT)
    nodes.put(f"{FILES}readonly", 0, at(n06=1), labels=ROOT)
    nodes.put("node_timex_offset_seconds", 0.0001, at(n07=-0.06, n11=0.049))
    nodes.put("node_timex_sync_status", 1, at(n08=0, n11=0))
    nodes.put("node_timex_maxerror_seconds", 0.01, at(n08=16, n11=2))
    memory = {"controller": "0"}
    nodes.put("node_edac_uncorrectable_errors_total", 1, at(n10=3), labels=memory)
    return nodes


def test_host(site: MakeSite) -> None:
    found = told(site, host(faulty=True), "host")
    down = found.pop("host_unit_down")
    assert down is not None
    assert down.keys() == {"n01", "n02"}
    assert found == {
        "host_memory_low": {"n03": 2.5},
        "host_oom_kill": {"n04": 2.0},
        "host_root_full": {"n05": 96.0},
        "host_root_readonly": {"n06": 1.0},
        "host_clock_off": {"n07": 60.0},
        "host_clock_unsynchronised": {"n08": 0.0},
        "host_memory_errors": {"n10": 2.0},
    }


def test_a_sound_host_is_silent(site: MakeSite) -> None:
    found = told(site, host(faulty=False), "host")
    assert set(map(str, found.values())) == {"{}"}


def test_a_diskless_node_is_always_read_only(site: MakeSite) -> None:
    nodes = Nodes()
    nodes.put(f"{FILES}readonly", 1, labels=ROOT)
    assert told(site, nodes, "host")["host_root_readonly"] == {}


def checkpoint(*, faulty: bool) -> Nodes:
    nodes = Nodes()
    used = 0.93 if faulty else 0.89
    nodes.put(f"{FILES}size_bytes", 1e15, labels=SHARED)
    nodes.put(f"{FILES}avail_bytes", (1 - used) * 1e15, labels=SHARED)
    nodes.put(f"{FILES}files", 1e9, labels=SHARED)
    nodes.put(f"{FILES}files_free", 4e7 if faulty else 6e7, labels=SHARED)
    nodes.put(f"{FILES}readonly", 0, {"n03": 1.0} if faulty else {}, labels=SHARED)
    nodes.put(f"{FILES}device_error", 0, {"n04": 1.0} if faulty else {}, labels=SHARED)
    nodes.put(f"{FILES}size_bytes", 1e12, labels={"mountpoint": "/boot"})
    nodes.put(f"{FILES}avail_bytes", 1e10, labels={"mountpoint": "/boot"})
    return nodes


def ages(nodes: Nodes, minutes: float, busy: float) -> Nodes:
    written = [t - minutes * 60 for t in stamps()]
    labels = {"job": "push", "instance": ""}
    name = "checkpoint_last_success_timestamp_seconds"
    nodes.tape.add(name, [written[-1]] * len(written), **labels)
    nodes.tape.gpu("n00", 1, {"DCGM_FI_DEV_GPU_UTIL": busy})
    return nodes


def test_checkpoint(site: MakeSite) -> None:
    found = told(site, ages(checkpoint(faulty=True), 121, 99), "checkpoint")
    broken = found.pop("checkpoint_mount_broken")
    assert broken is not None
    assert broken.keys() == {"n03", "n04"}
    assert found == {
        "checkpoint_disk_full": {"cluster": 93.0},
        "checkpoint_disk_filling": {},
        "checkpoint_inodes_low": {"cluster": 96.0},
        "checkpoint_old": {"cluster": 121.0},
    }


@pytest.mark.parametrize(
    ("minutes", "busy"),
    [(119, 99), (121, 0), (60 * 25, 99)],
    ids=["young", "nobody trains", "forgotten"],
)
def test_sound_checkpoints_are_silent(
    site: MakeSite, minutes: float, busy: float
) -> None:
    found = told(site, ages(checkpoint(faulty=False), minutes, busy), "checkpoint")
    assert set(map(str, found.values())) == {"{}"}


def filling(gone_a_minute: float, *, hours: float = 3.4, rotation: float = 0) -> Nodes:
    """Used space that grows for some hours; `rotation`: it falls back this often."""
    nodes = Nodes()
    nodes.put(f"{FILES}size_bytes", 1e15, only=NODES[:2], labels=SHARED)
    times = [LAST - 60 * m for m in range(int(hours * 60), -1, -1)]
    minutes = [(t - times[0]) / 60 for t in times]
    grown = [m % rotation if rotation else m for m in minutes]
    free = [0.3e15 - gone_a_minute * m for m in grown]
    for node in NODES[:2]:
        labels = {"instance": f"{node}:9100", "job": "node", **SHARED}
        nodes.tape.add(f"{FILES}avail_bytes", free, times, **labels)
    return nodes


@pytest.mark.parametrize(
    ("nodes", "tells"),
    [
        pytest.param(filling(9e11), True, id="full in two hours"),
        pytest.param(filling(3e11), False, id="full in 14 hours"),
        pytest.param(filling(4e12, rotation=30), False, id="rotation"),
        pytest.param(filling(9e11, hours=1), False, id="too young a history"),
    ],
)
def test_a_file_system_that_fills(site: MakeSite, nodes: Nodes, tells: bool) -> None:
    found = told(site, nodes, "checkpoint")["checkpoint_disk_filling"]
    assert found is not None
    assert bool(found) is tells


def test_a_metric_of_ones_own(site: MakeSite) -> None:
    nodes = Nodes()
    nodes.tape.add("my_save_time", LAST - 7000, stamps(), run="a")
    nodes.tape.add("my_save_time", LAST - 1200, stamps(), run="b")
    values = {
        "age_metric": "my_save_time",
        "most_age_seconds": "900",
        "busy_gpu": "DCGM_FI_DEV_GPU_TEMP > 30",
    }
    found = told(site, nodes, "checkpoint", **values)["checkpoint_old"]
    assert found == {"cluster": 20.0}
