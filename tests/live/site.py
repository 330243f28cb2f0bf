"""A whole site: simulated nodes, a real Prometheus, a Slack, and the real daemon."""

import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.serve import SimServer
from gpuwatch.testing import FakeMessage, FakeSlack, RealPrometheus, claimed_port
from tests.live.process import Child
from tests.live.waiting import LONG_SECONDS, eventually

# Faults last seconds here and not hours, so the rules are told to be quick. Holds of
# what is found by silence still outlast the gaps that a healthy fleet has.
HASTE: Mapping[str, Mapping[str, Any]] = {
    "thermal_slowdown": {
        "hold": "2s",
        "keep_firing": "2s",
        "window": "1m",
        "throttled_percent": 100,
    },
    "power_brake": {"hold": "2s", "keep_firing": "2s"},
    "hw_slowdown": {"hold": "2s", "keep_firing": "2s"},
    "exporter_down": {"hold": "8s", "keep_firing": "2s"},
    "gpu_missing": {"hold": "8s", "keep_firing": "2s"},
    "node_silent": {"silent_hold": "8s", "stalled_hold": "8s", "keep_firing": "2s"},
    "prometheus_unreachable": {"hold": "2s", "keep_firing": "2s"},
    "store_failing": {"hold": "2s", "keep_firing": "2s"},
}


class Daemon:
    """`gpuwatch run` on a folder of its own: configuration, store, page."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.config = folder / "gpuwatch.yaml"
        self.store = folder / "state" / "gpuwatch.db"
        self.child: Child | None = None
        self.earlier: list[str] = []

    def configure(self, **sections: Any) -> None:
        """Write the configuration; store and page are filled in."""
        mine = {
            "poll_interval": "1s",
            "store": {"url": f"sqlite:///{self.store}"},
            "web": {"listen": f"127.0.0.1:{self.port}"},
        }
        self.config.write_text(yaml.safe_dump({**mine, **sections}))

    def start(self, env: Mapping[str, str] | None = None) -> Child:
        assert self.child is None, "stop or kill the one before"
        self.child = Child("run", "--config", self.config, env=env)
        return self.child

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """End it if it runs; its exit code."""
        child, self.child = self.child, None
        if child is None:
            return None
        code = child.end(number)
        self.earlier.append(child.said)
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        assert self.child is not None
        self.child.send(number)

    @property
    def log(self) -> str:
        """What it said in all its lives."""
        return "".join([*self.earlier, self.child.said if self.child else ""])

    def get(self, path: str) -> requests.Response | None:
        """The page's answer; None while nobody answers."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)
            except requests.RequestException:
                return None

    def is_ready(self) -> bool:
        answer = self.get("/readyz")
        return answer is not None and answer.ok

    def await_ready(self) -> None:
        eventually(f"/readyz; it said:\n{self.log[-2000:]}", self.is_ready)

    def metric(self, name: str, labels: str = "") -> float:
        """A sample of /metrics, by its name and `{a="b"}` as written there; else 0."""
        answer = self.get("/metrics")
        text = "" if answer is None else answer.text
        found = re.search(rf"^{re.escape(name + labels)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def good_cycles(self, cluster: str = "default") -> float:
        labels = f'{{cluster="{cluster}",outcome="good"}}'
        return self.metric("gpuwatch_cycles_total", labels)

    def await_cycles(self, count: int, cluster: str = "default") -> None:
        """So many further good ones."""
        wanted = self.good_cycles(cluster) + count
        eventually(
            f"{count} more cycles",
            lambda: self._lives() and self.good_cycles(cluster) >= wanted,
            LONG_SECONDS + 5.0 * count,
        )

    def _lives(self) -> bool:
        assert self.child is not None
        assert self.child.is_running, f"it ended by itself:\n{self.child.said}"
        return True

    def incidents(self, state: str = "all") -> list[dict[str, Any]]:
        answer = self.get(f"/api/v1/incidents?state={state}")
        return [] if answer is None or not answer.ok else answer.json()["incidents"]


@dataclass
class Channel:
    """The channel as a person reads it."""

    slack: FakeSlack

    @property
    def cards(self) -> list[FakeMessage]:
        """Messages that are no replies: one a cause."""
        return [m for m in self.slack.messages if not m.is_reply]

    def about(self, *words: str) -> list[FakeMessage]:
        """Cards whose headline has all of the words."""
        return [m for m in self.cards if all(word in m.text for word in words)]

    def await_card(self, *words: str) -> FakeMessage:
        return eventually(f"a card with {words}", lambda: self.about(*words))[0]

    def await_text(self, card: FakeMessage, *words: str) -> str:
        """What the card says once it has all of the words."""

        def told() -> str | None:
            text = self.slack.text_of(card)
            return text if all(word in text for word in words) else None

        return eventually(f"{words} on the card {card.text!r}", told)

    def await_resolved(self, card: FakeMessage) -> None:
        self.await_text(card, "🟢 Resolved")

    def await_reply(self, card: FakeMessage) -> FakeMessage:
        """The first message in the card's thread."""
        return eventually("a reply", lambda: self.slack.thread(card.ts))[0]

    @property
    def said(self) -> str:
        """Everything, for a failing test."""
        return "\n".join(
            f"{'  > ' if m.is_reply else ''}{m.text}" for m in self.slack.messages
        )


@dataclass
class Site:
    """All of it; the daemon is not started yet."""

    sim: SimServer
    prometheus: RealPrometheus
    slack: FakeSlack
    daemon: Daemon
    channel: Channel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = Channel(self.slack)

    def configure(self, **sections: Any) -> None:
        """Write the usual configuration, with other sections in place of its own."""
        usual = {
            "prometheus": {"url": self.prometheus.url},
            "slack": {
                "token": self.slack.token,
                "channel": f"#{self.slack.channel_name}",
                "base_url": self.slack.url,
            },
            "rules": HASTE,
        }
        self.daemon.configure(**{**usual, **sections})

    def start(self) -> None:
        """Start the daemon and wait for its first good cycle."""
        self.daemon.start()
        self.daemon.await_ready()


def _scrapes_all(site: Site) -> bool:
    found = site.prometheus.query("count(up == 1)")
    targets = len(site.sim.targets) + len(site.sim.node_targets)
    return bool(found) and float(found[0]["value"][1]) == targets


def _cleanly_stopped(daemon: Daemon, channel: Channel) -> Callable[[], None]:
    def stop() -> None:
        daemon.stop()
        sys.stdout.write(f"--- the channel\n{channel.said}\n--- gpuwatch\n{daemon.log}")

    return stop


@contextmanager
def site_of(
    folder: Path,
    *,
    nodes: int = 6,
    generations: Mapping[int, Any] | None = None,
    faults: Sequence[Any] = (),
) -> Iterator[Site]:
    """A fleet at work, scraped every second, and configured."""
    fleet = SimFleet(
        nodes,
        generations=generations,
        job_nodes=range(nodes),
        checkpoint_period_seconds=15,
        checkpoint_seconds=3,
        faults=faults,
    )
    with ExitStack() as stack:
        slack = stack.enter_context(FakeSlack())
        sim = stack.enter_context(SimServer(fleet, node_exporter=True))
        config = sim.prometheus_config("1s")
        prometheus = stack.enter_context(RealPrometheus(config, lookback=None))
        daemon = Daemon(folder, stack.enter_context(claimed_port()))
        site = Site(sim, prometheus, slack, daemon)
        stack.callback(_cleanly_stopped(daemon, site.channel))
        site.configure()
        eventually("Prometheus scrapes everybody", lambda: _scrapes_all(site))
        yield site
