"""The daemon as its service manager and its Prometheus treat it."""

import signal
import socket
from pathlib import Path

import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.testing import FakePrometheus, HangSeconds
from tests.live.process import Child
from tests.live.site import HASTE, Daemon, Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

STOP_SECONDS = 5.0  # the daemon's own promise, not a measure of speed


def stop_within(daemon: Daemon, seconds: float) -> None:
    assert daemon.child is not None
    daemon.send(signal.SIGTERM)
    assert daemon.child.wait(seconds) == 0
    assert "Traceback" not in daemon.log


def test_sigterm_in_the_midst_of_a_hanging_answer(
    daemon: Daemon, fake_prometheus: FakePrometheus
) -> None:
    """Two clusters hang: the end does not add their patience up."""
    clusters = [
        {"name": name, "url": fake_prometheus.url, "timeout": "60s"} for name in "ab"
    ]
    fake_prometheus.always("query", HangSeconds(60))
    daemon.configure(prometheus=clusters)
    daemon.start()
    eventually("two open questions", lambda: len(fake_prometheus.queries) >= 2)
    stop_within(daemon, STOP_SECONDS)


def test_systemd_is_told(daemon: Daemon, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        path = tmp_path / "notify"
        manager.bind(str(path))
        manager.settimeout(60)
        daemon.configure()
        daemon.start({"NOTIFY_SOCKET": str(path)})
        said = [manager.recv(4096).decode()]
        while not any(word.startswith("READY=1") for word in said):
            said.append(manager.recv(4096).decode())
        alive = manager.recv(4096).decode()
        stop_within(daemon, STOP_SECONDS)
        manager.settimeout(0)
        while "STOPPING=1" not in said:
            said.append(manager.recv(4096).decode())
    assert alive.startswith("WATCHDOG=1\nSTATUS=")
    assert said[-1] == "STOPPING=1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("poll_intervall: 15s", ("poll_intervall", "poll_interval")),
        ("poll_interval: soon", ("poll_interval", "soon")),
        ("rules: {thermal_slowdown: {holt: 1s}}", ("thermal_slowdown", "holt")),
        ("prometheus: [", ("gpuwatch.yaml",)),
    ],
)
def test_a_bad_configuration(daemon: Daemon, text: str, words: tuple[str, ...]) -> None:
    daemon.config.write_text(text)
    child = Child("run", "--config", daemon.config)
    assert child.wait() == 2
    (line,) = child.said.splitlines()
    assert all(word in line for word in words), line


def test_probes_and_metrics_without_a_prometheus(daemon: Daemon) -> None:
    daemon.configure(prometheus={"url": "http://127.0.0.1:1"})
    daemon.start()
    eventually("its page", lambda: daemon.get("/healthz"))
    answer = daemon.get("/readyz")
    assert answer is not None
    assert answer.status_code == 503
    bad = '{cluster="default",outcome="bad"}'
    eventually("a bad cycle", lambda: daemon.metric("gpuwatch_cycles_total", bad))
    assert daemon.good_cycles() == 0
    assert daemon.incidents() == []
    stop_within(daemon, STOP_SECONDS)


def test_sighup_takes_up_a_good_configuration_and_refuses_a_bad_one(site: Site) -> None:
    ok = "gpuwatch_config_last_reload_successful"
    site.start()
    site.sim.inject(Fault("power_brake", "node-03"))
    card = site.channel.await_card("HW power brake", "node-03")
    good = site.daemon.config.read_text()
    site.daemon.config.write_text("poll_interval: soon")
    site.daemon.send(signal.SIGHUP)
    eventually("a refusal", lambda: site.daemon.metric(ok) == 0)
    assert "the new configuration is refused" in site.daemon.log
    site.daemon.await_cycles(2)
    site.daemon.config.write_text(good)
    site.configure(rules={**HASTE, "power_brake": {"enabled": False}})
    site.daemon.send(signal.SIGHUP)
    text = site.channel.await_text(card, "the rule was switched off")
    assert text.startswith("⚫ Ended")
    assert site.daemon.metric(ok) == 1
    assert [i["ending"] for i in site.daemon.incidents()] == ["disabled"]
    site.daemon.await_cycles(4)
    assert site.channel.cards == [card]


def test_prometheus_is_late_and_goes_away(site: Site) -> None:
    site.prometheus.stop()
    site.daemon.start()
    blind = site.channel.await_card("CRITICAL: blind", "default")
    site.prometheus.start()
    site.channel.await_resolved(blind)
    eventually("readiness", site.daemon.is_ready)
    site.daemon.await_cycles(3)
    assert site.channel.cards == [blind]
    assert [i["rule"] for i in site.daemon.incidents()] == ["prometheus_unreachable"]


def test_one_cluster_fails_alone(site: Site) -> None:
    clusters = [
        {"name": "well", "url": site.prometheus.url},
        {"name": "ill", "url": "http://127.0.0.1:1"},
    ]
    site.configure(prometheus=clusters)
    site.daemon.start()
    site.channel.await_card("CRITICAL: blind", "cluster ill")
    site.sim.inject(Fault("power_brake", "node-03"))
    site.channel.await_card("HW power brake", "node-03")
    assert site.daemon.good_cycles("well") > 0
    assert site.daemon.good_cycles("ill") == 0
    assert len(site.channel.cards) == 2
    assert not site.daemon.is_ready()
    site.configure(prometheus=clusters[0])
    site.daemon.send(signal.SIGHUP)
    eventually("readiness without it", site.daemon.is_ready)


def test_the_dead_mans_switch_survives_a_reload(
    daemon: Daemon, fake_prometheus: FakePrometheus
) -> None:
    def pings() -> int:
        return [r.path for r in fake_prometheus.requests].count("/ping/fail")

    daemon.configure(
        prometheus={"url": "http://127.0.0.1:1"},
        deadman={"url": f"{fake_prometheus.url}/ping", "interval": "1h"},
    )
    daemon.start()
    eventually("a ping", lambda: pings() == 1)
    daemon.send(signal.SIGHUP)
    eventually("a ping of the new configuration", lambda: pings() == 2)
