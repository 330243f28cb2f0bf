"""The commands against a living site and a running daemon."""

import json
import subprocess
from typing import Any

import pytest

from gpuwatch.sim.faults import Fault
from tests.live.process import COMMAND, environment, gpuwatch
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

# design.md section 6: fields may be added, never removed
FIELDS = frozenset(
    {
        *("id", "rule", "category", "severity", "state", "ending", "scope"),
        *("cluster", "node", "gpu", "uuid", "job", "members", "victims"),
        *("summary", "action", "evidence", "merged_into"),
        *("started_at", "detected_at", "resolved_at"),
    }
)


def check(site: Site, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and incidents of `gpuwatch check`."""
    url = ("--prometheus-url", site.prometheus.url)
    done = gpuwatch("check", *url, "--output", "json", *options)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)["incidents"]


def assert_a_reader_may_leave(site: Site, command: str) -> None:
    """As in `gpuwatch check | head -1`."""
    with subprocess.Popen(
        [COMMAND, command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(GPUWATCH_CONFIG=str(site.daemon.config)),
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait()
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def asked(site: Site, *words: str) -> str:
    """Leave a request with the daemon; what the command says."""
    done = gpuwatch(*words, "--config", site.daemon.config)
    assert done.returncode == 0, done.stderr
    assert "by the next cycle" in done.stdout
    return done.stdout


def assert_check_finds_the_heat(site: Site) -> None:
    code, incidents = check(site, "--config", str(site.daemon.config))
    (hot,) = (one for one in incidents if one["rule"] == "thermal_slowdown")
    assert code == 1
    assert all(one.keys() >= FIELDS for one in incidents)
    assert (hot["node"], hot["gpu"], hot["scope"]) == ("node-03", 5, "gpu")
    assert (hot["severity"], hot["state"]) == ("critical", "firing")
    assert hot["started_at"].endswith("Z")


def test_the_commands_of_a_shift(site: Site) -> None:
    """Green, then heat: ack, silence, forget; then check again, and in the dark."""
    assert check(site) == (0, [])
    site.start()
    site.sim.inject(Fault("thermal", "node-03", 5))
    card = site.channel.await_card("HW thermal", "node-03 GPU 5")
    (incident,) = site.daemon.incidents("open")
    asked(site, "incidents", "ack", incident["id"], "--by", "ann")
    text = site.channel.await_text(card, "Acknowledged by ann")
    assert text.startswith("👀")
    mute = ("node=node-05", "--for", "1h", "--comment", "new fans")
    asked(site, "silence", "add", *mute)
    site.sim.inject(Fault("power_brake", "node-05"))
    eventually("a muted one", lambda: len(site.daemon.incidents("open")) == 2)
    site.sim.inject(Fault("node_down", "node-06"))
    silent = site.channel.await_card("Node is silent", "node-06")
    asked(site, "fleet", "forget", "node-06", "--comment", "returned")
    text = site.channel.await_text(silent, "taken out of service")
    assert text.startswith("⚫")
    assert site.channel.cards == [card, silent]
    assert_a_reader_may_leave(site, "check")
    assert_a_reader_may_leave(site, "rules")
    eventually("heat in the past", lambda: check(site)[1])
    assert_check_finds_the_heat(site)
    site.prometheus.stop()
    assert check(site) == (2, [])
