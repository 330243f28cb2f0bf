"""The packs infiniband, roce, efa and nvswitch: one fault a rule, on a node of its own.

Every rule of the pack must name its node, and no other rule may.
"""

import pytest

from tests.rulepacks.nodes import COUNT, EARLY, NODES, Nodes, told
from tests.sources.conftest import MakeSite

IB = "node_infiniband_"


def infiniband(*, faulty: bool) -> Nodes:
    nodes = Nodes()
    counters = ("symbol_error_total", "link_error_recovery_total")
    more = ("port_errors_received_total", "port_discards_transmitted_total")
    fault = {
        "symbol_error_total": {"n01": 11.0, "n11": 9.0},
        "link_error_recovery_total": {"n03": 0.1},
        "port_errors_received_total": {"n04": 11.0, "n11": 9.0},
        "port_discards_transmitted_total": {"n06": 101.0, "n11": 99.0},
    }
    for port in range(4):
        labels = {"device": f"mlx5_{port}", "port": "1"}
        is_bad = faulty and port == 2
        for name in (*counters, *more):
            rising = fault[name] if is_bad else {}
            nodes.put(IB + name, 1e6, rising=rising, labels=labels)
        downs = {"n00": 7.0, "n11": 6.0} if is_bad else {}
        nodes.put(IB + "link_downed_total", 4, downs, labels=labels)
        rate = {"n07": 2.5e10} if is_bad else {}
        nodes.put(IB + "rate_bytes_per_second", 5e10, rate, labels=labels)
        nodes.put(IB + "state_id", 4, labels=labels)
        buffers = {"n05": 1.0} if is_bad else {}
        nodes.put(IB + "local_link_integrity_errors_total", 0, labels=labels)
        nodes.put(
            IB + "excessive_buffer_overrun_errors_total", 0, buffers, labels=labels
        )
    # a storage port, slower everywhere and always
    storage = {"device": "mlx5_9", "port": "1"}
    nodes.put(IB + "rate_bytes_per_second", 1.25e10, labels=storage)
    nodes.put(IB + "state_id", 4, labels=storage)
    return nodes


def test_infiniband(site: MakeSite) -> None:
    found = told(site, infiniband(faulty=True), "infiniband")
    integrity = found.pop("ib_integrity_errors")
    assert integrity is not None
    assert integrity.keys() == {"n05"}
    rising = found.pop("ib_symbol_errors_rising")
    assert rising is not None
    assert rising == {"n01": pytest.approx(3300), "n11": pytest.approx(2700)}
    assert found == {
        "ib_link_flapping": {"n00": 3.0},
        "ib_symbol_errors": {"n01": 11.0},
        "ib_link_recovery": {"n03": 6.0},
        "ib_receive_errors": {"n04": 11.0},
        "ib_transmit_discards": {"n06": 101.0},
        "ib_rate_low": {"n07": 200.0},
    }


def test_sound_infiniband_is_silent(site: MakeSite) -> None:
    found = told(site, infiniband(faulty=False), "infiniband")
    assert set(map(str, found.values())) == {"{}"}


def test_a_port_that_was_always_slow_among_its_peers(site: MakeSite) -> None:
    nodes = Nodes()
    slow = ["n03"]
    for port in range(4):
        labels = {"device": f"mlx5_{port}", "port": "1"}
        others = [n for n in NODES if port != 2 or n not in slow]
        nodes.put(IB + "rate_bytes_per_second", 5e10, only=others, labels=labels)
        nodes.put(IB + "state_id", 4, labels=labels)
    labels = {"device": "mlx5_2", "port": "1"}
    nodes.put(IB + "rate_bytes_per_second", 2.5e10, only=slow, labels=labels)
    assert told(site, nodes, "infiniband")["ib_rate_low"] == {"n03": 200.0}


def test_a_port_that_is_slow_on_many_nodes_is_another_kind(site: MakeSite) -> None:
    nodes = Nodes()
    for port in range(4):
        labels = {"device": f"mlx5_{port}", "port": "1"}
        half = NODES[: COUNT // 4] if port == 2 else []
        nodes.put(IB + "state_id", 4, labels=labels)
        fast = [node for node in NODES if node not in half]
        nodes.put(IB + "rate_bytes_per_second", 5e10, only=fast, labels=labels)
        nodes.put(IB + "rate_bytes_per_second", 2.5e10, only=half, labels=labels)
    assert told(site, nodes, "infiniband")["ib_rate_low"] == {}


def test_a_port_that_is_down_has_no_rate_to_judge(site: MakeSite) -> None:
    nodes = Nodes()
    labels = {"device": "mlx5_0", "port": "1"}
    nodes.put(IB + "rate_bytes_per_second", 5e10, {"n02": 1.25e9}, labels=labels)
    nodes.put(IB + "state_id", 4, {"n02": 1}, labels=labels)
    assert told(site, nodes, "infiniband")["ib_rate_low"] == {}


def roce(*, faulty: bool) -> Nodes:
    nodes = Nodes()
    device = {"device": "mlx5_0", "port": "1"}
    port = {"device": "ens1f0"}

    def at(**bad: float) -> dict[str, float]:
        return bad if faulty else {}

    name = IB + "local_ack_timeout_errors_total"
    nodes.put(name, 50, rising=at(n01=1.1, n11=0.9), labels=device)
    name = IB + "roce_slow_restart_total"
    nodes.put(name, 50, rising=at(n02=11, n11=9), labels=device)
    name = "node_ethtool_received_crc_errors_phy"
    nodes.put(name, 50, rising=at(n03=1.1, n11=0.9), labels=port)
    name = "node_network_carrier_down_changes_total"
    nodes.put(name, 2, at(n04=6, n11=5), labels=port)
    nodes.put(name, 2, at(n05=60), labels={"device": "veth12"})
    nodes.put(
        "node_network_speed_bytes", 5e10, at(n06=1.25e10, n07=1.25e10), labels=port
    )
    nodes.put("node_network_up", 1, at(n07=0), labels=port)
    return nodes


def test_roce(site: MakeSite) -> None:
    assert told(site, roce(faulty=True), "roce") == {
        "roce_ack_timeouts": {"n01": 1.1},
        "roce_slow_restart": {"n02": 11.0},
        "eth_crc_errors": {"n03": 1.1},
        "eth_carrier_flapping": {"n04": 4.0},
        "eth_speed_low": {"n06": 100.0},
    }


def test_sound_roce_is_silent(site: MakeSite) -> None:
    found = told(site, roce(faulty=False), "roce")
    assert set(map(str, found.values())) == {"{}"}


def efa(*, faulty: bool) -> Nodes:
    nodes = Nodes()
    for number in range(4):
        labels = {"device": f"rdmap{number}s0", "port": "1"}
        sound = [n for n in NODES if not (faulty and n == "n02" and number == 3)]
        nodes.put("node_amazonefa_tx_bytes", 1e9, only=sound, labels=labels)
        drops = {"n03": 11.0, "n11": 9.0} if faulty and not number else {}
        nodes.put("node_amazonefa_rx_drops", 5, rising=drops, labels=labels)
        errors = {"n04": 0.2, "n11": 0.05} if faulty and not number else {}
        nodes.put("node_amazonefa_rdma_read_wr_err", 0, rising=errors, labels=labels)
        nodes.put("node_amazonefa_rdma_write_wr_err", 0, labels=labels)
    if faulty:  # the adapter that was there until ten minutes ago
        labels = {"instance": "n02:9100", "job": "node", "port": "1"}
        early = {"device": "rdmap3s0", **labels}
        nodes.tape.add("node_amazonefa_tx_bytes", 1e9, EARLY[:-4], **early)
    return nodes


def test_efa(site: MakeSite) -> None:
    assert told(site, efa(faulty=True), "efa") == {
        "efa_adapter_missing": {"n02": 1.0},
        "efa_receive_drops": {"n03": 11.0},
        "efa_request_errors": {"n04": 0.2},
    }


def test_sound_efa_is_silent(site: MakeSite) -> None:
    found = told(site, efa(faulty=False), "efa")
    assert set(map(str, found.values())) == {"{}"}


@pytest.mark.parametrize(
    "names",
    [
        ("DCGM_FI_DEV_NVSWITCH_FATAL_ERRORS", "DCGM_FI_DEV_NVSWITCH_NON_FATAL_ERRORS"),
        ("DCGM_FI_DEV_SXID_FATAL_ERROR", "DCGM_FI_DEV_SXID_NON_FATAL_ERROR"),
    ],
)
def test_nvswitch(site: MakeSite, names: tuple[str, str]) -> None:
    nodes, switch = Nodes(), {"nvswitch": "nvswitch1"}
    sticky = {"n05": 22_003.0}  # the same code as yesterday: nobody has restarted it
    blank = {"n06": 9.223372036854775808e18}
    nodes.put(
        names[0], 0, {"n01": 22_003, **sticky, **blank}, before=sticky, labels=switch
    )
    nodes.put(names[1], 0, {"n02": 12_028, **sticky}, before=sticky, labels=switch)
    link = "DCGM_FI_DEV_NVSWITCH_LINK_FATAL_ERRORS"
    nodes.put(link, 3, {"n03": 4}, labels=switch)
    assert told(site, nodes, "nvswitch") == {
        "nvswitch_fatal": {"n01": 22_003.0},
        "nvswitch_non_fatal": {"n02": 12_028.0},
        "nvswitch_link_fatal": {"n03": 1.0},
    }


def test_sound_nvswitches_are_silent(site: MakeSite) -> None:
    nodes, switch = Nodes(), {"nvswitch": "nvswitch1"}
    for name in ("FATAL_ERRORS", "NON_FATAL_ERRORS", "LINK_FATAL_ERRORS"):
        nodes.put(f"DCGM_FI_DEV_NVSWITCH_{name}", 0, labels=switch)
    found = told(site, nodes, "nvswitch")
    assert set(map(str, found.values())) == {"{}"}
