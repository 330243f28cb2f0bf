import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.model.fleet import Fleet
from gpuwatch.sources.identity import Naming, host_of
from gpuwatch.sources.register import Register

DOCKER = "424773df46e0"
LONG = "0123456789abcdef" * 4
EXPORTER = "nvidia-dcgm-exporter-wqqqn"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"node": "a", "Hostname": "b", "instance": "c:9400"}, "a"),
        ({"Hostname": "b", "hostname": "x", "instance": "c:9400"}, "b"),
        ({"hostname": "b", "instance": "c:9400"}, "b"),
        ({"node": "", "Hostname": "b"}, "b"),
        ({"instance": "gpu-01:9400"}, "gpu-01"),
        ({"instance": "http://gpu-01:9400/metrics"}, "gpu-01"),
        ({"instance": "[fe80::1]:9400"}, "fe80::1"),
        ({"Hostname": DOCKER, "instance": "gpu-01:9400"}, "gpu-01"),
        ({"Hostname": LONG, "instance": "gpu-01:9400"}, "gpu-01"),
        ({"Hostname": "localhost", "instance": "gpu-01:9400"}, "gpu-01"),
        ({"node": "127.0.1.1", "Hostname": "gpu-01"}, "gpu-01"),
        ({"hostname": "dcgm-exporter-wwwjh", "instance": "10.0.0.1:9400"}, "10.0.0.1"),
        ({"Hostname": EXPORTER, "instance": "10.0.0.1:9400"}, "10.0.0.1"),
        ({"Hostname": "424773df46e", "instance": "x:1"}, "424773df46e"),
        ({"Hostname": DOCKER, "instance": "localhost:9400"}, "localhost:9400"),
        ({"Hostname": DOCKER}, DOCKER),
        ({}, "unknown"),
    ],
)
def test_a_node_is_named_by_the_first_label_that_names_one(
    labels: dict[str, str], expected: str
) -> None:
    assert Naming().node(labels).text == expected


def test_only_names_that_last_are_firm() -> None:
    naming = Naming(node_map={r"10\.0\.0\.9": "gpu-09"})
    assert naming.node({"instance": "gpu-01:9400"}).firm
    assert not naming.node({"instance": "10.0.0.1:9400"}).firm
    assert not naming.node({"instance": "localhost:9400"}).firm
    assert naming.node({"instance": "10.0.0.9:9400"}).firm


@pytest.mark.parametrize("name", [r"gpu-\1", "gpu-$1", "gpu-${1}", r"gpu-\g<n>"])
def test_a_node_map_normalises_whole_names(name: str) -> None:
    naming = Naming(node_map={r"gpu0*(?P<n>\d+)(\..*)?": name, ".*": "other"})
    assert naming.node({"Hostname": "gpu007.cluster.local"}).text == "gpu-7"
    assert naming.node({"Hostname": "xgpu007"}).text == "other"


def test_a_node_map_may_name_what_is_otherwise_rejected() -> None:
    naming = Naming(node_map={DOCKER: "gpu-01"})
    assert naming.node({"Hostname": DOCKER, "instance": "10.0.0.1:1"}).text == "gpu-01"


@pytest.mark.parametrize(
    ("bad", "key"),
    [
        ({"node_map": {"(": "x"}}, r"node_map\.\("),
        ({"node_map": {"gpu": r"\1"}}, "node_map.gpu"),
        ({"node_labels": ["a b"]}, "node_labels: 'a b'"),
        ({"job_labels": ['x") or up']}, "job_labels"),
    ],
)
def test_naming_that_cannot_work_is_refused(bad: dict[str, object], key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        Naming(**bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"hpc_job": "4211"}, "4211"),
        ({"hpc_job": "0"}, ""),
        ({"hpc_job": ""}, ""),
        ({"hpc_job": "0", "pod": "train-worker-3", "namespace": "ml"}, "ml/train"),
        ({"slurm_job_id": "7"}, "7"),
        ({"job": "dcgm"}, ""),
        ({"pod": EXPORTER, "namespace": "gpu-operator"}, ""),
        (
            {"pod": EXPORTER, "exported_pod": "llm-0", "exported_namespace": "ml"},
            "ml/llm",
        ),
        ({"pod": "", "namespace": ""}, ""),
        (
            {"pod": "vllm-decodeworker-s65j5", "namespace": "d"},
            "d/vllm-decodeworker-s65j5",
        ),
        ({"pod": "js-node-0-17-x7k2p", "namespace": "d"}, "d/js-node"),
    ],
)
def test_a_job_comes_from_batch_labels_then_from_kubernetes(
    labels: dict[str, str], expected: str
) -> None:
    assert Naming().job(labels) == expected


def test_with_honor_labels_false_a_pod_is_the_exporters_whatever_its_name() -> None:
    labels = {"pod": "gpu-metrics-x7k2p", "namespace": "monitoring"}
    assert Naming().job(labels, pods_are_exporters=True) == ""


@pytest.mark.parametrize(
    ("instance", "host"),
    [("a:1", "a"), ("a", "a"), ("fe80::1", "fe80::1"), ("", ""), ("[::1]:9", "::1")],
)
def test_the_host_part_of_an_instance(instance: str, host: str) -> None:
    assert host_of(instance) == host


def gpu(number: int, **labels: str) -> dict[str, str]:
    return {"gpu": str(number % 8), "UUID": f"GPU-{number}", "job": "dcgm", **labels}


def nodes_of(*series: dict[str, str]) -> list[str]:
    register = Register(Fleet("c"), Naming())
    register.learn(series)
    return [register.node(one) for one in series]


def test_a_name_that_many_machines_share_names_none_of_them() -> None:
    first = gpu(0, Hostname="golden", instance="gpu-01:9400")
    second = gpu(8, Hostname="golden", instance="gpu-02:9400")
    assert nodes_of(first, second) == ["gpu-01", "gpu-02"]


def test_a_name_that_two_exporters_of_one_node_share_stays() -> None:
    first = gpu(0, Hostname="gpu-01", instance="10.0.0.1:9400")
    second = gpu(1, Hostname="gpu-01", instance="10.0.0.2:9400")
    again = gpu(0, Hostname="gpu-01", instance="10.0.0.3:9400")
    assert nodes_of(first, second, again) == ["gpu-01"] * 3


def test_a_hostname_that_is_the_targets_own_pod_is_rejected() -> None:
    series = gpu(
        0, Hostname="metrics-abcde", pod="metrics-abcde", instance="10.1.1.1:9"
    )
    assert nodes_of(series) == ["10.1.1.1"]


def test_a_restarted_pod_does_not_rename_its_node() -> None:
    fleet = Fleet("c")
    register = Register(fleet, Naming())
    register.learn([gpu(i, instance="10.0.0.1:9400") for i in range(8)])
    register.learn([gpu(i, instance="10.0.0.7:9400") for i in range(8)])
    assert len(fleet) == 8
    assert fleet.nodes == ["10.0.0.1"]
    assert fleet.instances["10.0.0.7:9400"] == "10.0.0.1"


def test_one_card_that_moved_does_not_rename_its_new_node() -> None:
    fleet = Fleet("c")
    register = Register(fleet, Naming())
    old = [gpu(i, instance="10.0.0.1:9400") for i in range(8)]
    new = [gpu(i, instance="10.0.0.2:9400") for i in range(8, 16)]
    register.learn(old + new)
    moved = gpu(0, instance="10.0.0.2:9400")
    register.learn([*old[1:], *new[1:], moved])
    assert register.node(moved) == "10.0.0.2"
    assert fleet.row("10.0.0.2", "GPU-0") == 16


def test_an_instance_that_all_nodes_share_is_nobodys() -> None:
    fleet = Fleet("c")
    series = [gpu(i, Hostname=f"gpu-{i}", instance="localhost:9400") for i in (0, 1)]
    Register(fleet, Naming()).learn(series)
    assert fleet.nodes == ["gpu-0", "gpu-1"]
    assert fleet.instances == {}


def test_addresses_of_restarted_pods_are_forgotten_and_hosts_are_not() -> None:
    fleet = Fleet("c")
    register = Register(fleet, Naming())
    for instance in ("10.0.0.1:9400", "gpu-01:9400", "10.0.0.2:9400"):
        register.learn([gpu(0, Hostname="gpu-01", instance=instance)])
    assert set(fleet.instances) == {"gpu-01:9400", "10.0.0.2:9400"}
    register.learn([gpu(8, Hostname="gpu-02", instance="10.0.0.3:9400")])
    assert fleet.instances["10.0.0.2:9400"] == "gpu-01"
