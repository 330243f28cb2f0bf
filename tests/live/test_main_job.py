"""The main job, end to end: real Prometheus, real daemon, what the channel says."""

import pytest

from gpuwatch.sim.faults import Fault
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


def assert_quiet_fleet_is_quiet(site: Site) -> None:
    """Idle and power cap bits, old XIDs, checkpoints, gaps, hot reloads."""
    site.sim.inject(Fault("gap", "node-02", start_seconds=1, end_seconds=3))
    site.sim.inject(Fault("gap", "node-05", start_seconds=4, end_seconds=6))
    site.sim.inject(Fault("reload", "node-04", start_seconds=5))
    site.daemon.await_cycles(25)
    assert site.slack.messages == []
    assert site.daemon.incidents() == []


def _evidence(site: Site) -> dict[str, float]:
    (incident,) = site.daemon.incidents("open")
    found: dict[str, float] = incident["evidence"]
    return found


def assert_one_hot_gpu_is_one_message(site: Site) -> None:
    heat = site.sim.inject(Fault("thermal", "node-03", 5))
    card = site.channel.await_card("node-03 GPU 5", "thermal")
    assert card.text.startswith("🔴 CRITICAL: HW thermal slowdown")
    eventually("nearly 90 °C", lambda: _evidence(site)["gpu_temperature_celsius"] > 85)
    assert int(_evidence(site)["throttle_reasons"]) & 0x48 == 0x48
    site.sim.mend(heat)
    site.channel.await_resolved(card)
    assert site.slack.top_level() == [card]
    assert [reply.text[:8] for reply in site.slack.thread(card.ts)] == ["Resolved"]


def assert_three_causes_are_three_cards(site: Site) -> None:
    """A power brake on eight GPUs, an exporter's error, and one hot GPU."""
    brake = site.sim.inject(Fault("power_brake", "node-05"))
    error = site.sim.inject(Fault("exporter_error", "node-01"))
    heat = site.sim.inject(Fault("thermal", "node-02", 1))
    braked = site.channel.await_card("CRITICAL: HW power brake", "8 GPUs on node-05")
    failing = site.channel.await_card("🟠 WARNING: GPU exporter", "node-01")
    hot = site.channel.await_card("thermal", "node-02 GPU 1")
    site.sim.mend(brake)
    site.sim.mend(error)
    site.channel.await_resolved(braked)
    site.channel.await_resolved(failing)
    over = site.sim.inject(Fault("job_end"))
    site.sim.mend(heat)
    site.channel.await_text(hot, "Not under load")
    site.daemon.await_cycles(10)
    assert "🔴" in site.channel.await_text(hot, "Not under load")
    site.sim.mend(over)
    site.channel.await_resolved(hot)
    assert len(site.channel.cards) == 4


def test_a_day_in_the_fleet(site: Site) -> None:
    site.start()
    assert_quiet_fleet_is_quiet(site)
    assert_one_hot_gpu_is_one_message(site)
    assert_three_causes_are_three_cards(site)
    told = {(i["rule"], i["node"], i["ending"]) for i in site.daemon.incidents()}
    assert told == {
        ("thermal_slowdown", "node-03", "recovered"),
        ("power_brake", None, "recovered"),
        ("exporter_down", "node-01", "recovered"),
        ("thermal_slowdown", "node-02", "recovered"),
    }
    assert site.slack.bursts == []


def test_a_lost_gpu_and_a_rebooting_rack(site: Site) -> None:
    site.start()
    site.sim.inject(Fault("xid", "node-06", 1, code=79))
    lost = site.channel.await_card("CRITICAL: XID 79", "node-06 GPU 1")
    site.daemon.await_cycles(15)
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
