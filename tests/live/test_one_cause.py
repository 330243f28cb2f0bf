"""However many GPUs and nodes it takes down: one cause is one card."""

import pytest

from gpuwatch.sim.faults import Fault
from tests.live.site import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


def test_three_causes_are_three_cards(site: Site) -> None:
    """A power brake on eight GPUs, a failing exporter, and one hot GPU."""
    site.start()
    faults = [
        site.sim.inject(Fault("power_brake", "node-05")),
        site.sim.inject(Fault("exporter_error", "node-01")),
        site.sim.inject(Fault("thermal", "node-02", 1)),
    ]
    cards = [
        site.channel.await_card("🔴 CRITICAL: HW power brake", "8 GPUs on node-05"),
        site.channel.await_card("🟠 WARNING: GPU exporter does not answer", "node-01"),
        site.channel.await_card("🔴 CRITICAL: HW thermal", "node-02 GPU 1"),
    ]
    for fault in faults:
        site.sim.mend(fault)
    for card in cards:
        site.channel.await_resolved(card)
    assert len(site.channel.cards) == 3
    told = {(i["rule"], i["node"], i["ending"]) for i in site.daemon.incidents()}
    assert told == {
        ("power_brake", "node-05", "recovered"),
        ("exporter_down", "node-01", "recovered"),
        ("thermal_slowdown", "node-02", "recovered"),
    }


def test_a_lost_gpu_and_a_rebooting_rack(site: Site) -> None:
    site.start()
    site.sim.inject(Fault("xid", "node-06", 1, code=79))
    lost = site.channel.await_card("🔴 CRITICAL: XID 79", "node-06 GPU 1")
    site.daemon.await_cycles(12)
    assert [i["rule"] for i in site.daemon.incidents()] == ["xid"]
    rack = [
        site.sim.inject(Fault("reboot", node, end_seconds=600))
        for node in ("node-01", "node-02", "node-03")
    ]
    silent = site.channel.await_card("silent", "3 nodes")
    for reboot in rack:
        site.sim.mend(reboot)
    site.channel.await_resolved(silent)
    assert site.channel.cards == [lost, silent]
    assert "GPU is missing" not in site.channel.said
