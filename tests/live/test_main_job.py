"""The main job, end to end: real Prometheus, real daemon, what the channel says."""

import signal

import pytest

from gpuwatch.sim.faults import Fault
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


def assert_a_healthy_fleet_is_quiet(site: Site) -> None:
    """Idle and power cap bits, old XIDs, checkpoints, gaps, reloads of both sides."""
    site.sim.inject(Fault("gap", "node-02", start_seconds=1, end_seconds=3))
    site.sim.inject(Fault("gap", "node-05", start_seconds=4, end_seconds=6))
    site.sim.inject(Fault("reload", "node-04", start_seconds=5))
    site.daemon.await_cycles(8)
    site.daemon.send(signal.SIGHUP)
    site.daemon.await_cycles(10)
    assert "the new configuration is in force" in site.daemon.log
    assert site.slack.messages == []
    assert site.daemon.incidents() == []


def evidence(site: Site) -> dict[str, float]:
    (incident,) = site.daemon.incidents("open")
    found: dict[str, float] = incident["evidence"]
    return found


def test_one_hot_gpu_is_one_message_and_no_other(site: Site) -> None:
    site.start()
    assert_a_healthy_fleet_is_quiet(site)
    heat = site.sim.inject(Fault("thermal", "node-03", 5, celsius=90))
    card = site.channel.await_card("node-03 GPU 5", "thermal")
    assert card.text.startswith("🔴 CRITICAL: HW thermal slowdown")
    eventually("its heat", lambda: evidence(site)["gpu_temperature_celsius"] > 80)
    assert int(evidence(site)["throttle_reasons"]) & 0x48 == 0x48
    over = site.sim.inject(Fault("job_end"))
    site.sim.mend(heat)
    site.channel.await_text(card, "Not under load")
    site.daemon.await_cycles(5)
    assert site.channel.await_text(card, "Not under load").startswith("🔴")
    assert [i["state"] for i in site.daemon.incidents()] == ["firing"]
    site.sim.mend(over)
    site.channel.await_resolved(card)
    assert site.channel.await_reply(card).text.startswith("Resolved: ")
    assert site.slack.top_level() == [card]
    assert site.slack.bursts == []
