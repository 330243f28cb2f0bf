"""A simulated cluster with faults on a timetable, watched by the real daemon."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from gpuwatch.app import App
from gpuwatch.daemon import Daemon
from gpuwatch.engine.view import View
from gpuwatch.errors import ConfigError
from gpuwatch.notifiers.console import ConsoleNotifier
from gpuwatch.ports import Notifier
from gpuwatch.settings import (
    ExportersSettings,
    PrometheusSettings,
    Settings,
    StoreSettings,
    WebSettings,
)
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.serve import SimServer
from gpuwatch.testing.prometheus import RealPrometheus, prometheus_available

STORY = (
    "thermal:node-03:5@6-26",
    "power_brake:node-05@34-54",
    "xid:79:node-07:1@58",
)
STORY_SECONDS = 95.0
POLL_SECONDS = 2.0
# Faults last seconds here and not hours, so the rules are told to be quick.
HASTE = {"hold": "2s", "keep_firing": "8s"}


@dataclass(frozen=True)
class Demo:
    """What to play."""

    nodes: int = 8
    faults: Sequence[str] = ()
    forever: bool = False
    prometheus: bool = True
    listen: str = "127.0.0.1:0"

    @property
    def story(self) -> list[Fault]:
        """The faults asked for, else those of the story; ConfigError for a bad one."""
        try:
            return [Fault.parse(text) for text in self.faults or STORY]
        except ValueError as error:
            raise ConfigError("--fault", str(error)) from error


def play(demo: Demo) -> None:
    """Run until the story ends, or for ever; Ctrl-C ends it at once."""
    say = Console(highlight=False)
    story = demo.story
    with ExitStack() as stack:
        server = stack.enter_context(
            SimServer(SimFleet(demo.nodes), node_exporter=True)
        )
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="gpuwatch-demo-")))
        settings = stack.enter_context(_settings(demo, server, folder, say))
        app = DemoApp(settings)
        say.print(_programme(demo, app))
        curtain = Curtain(server, story, None if demo.forever else STORY_SECONDS)
        stack.callback(curtain.cancel)
        app.board.on_view = curtain.rise
        Daemon(app, lambda _: app).run()
    say.print("[bold]That was the story.[/] `gpuwatch doctor` looks at your own site.")


class DemoApp(App):
    """The daemon's own app, with its messages on this terminal."""

    def receivers(self) -> dict[str, Notifier]:
        """Slack, played by the terminal."""
        return {"console": ConsoleNotifier(sys.stdout, remark="")}


@contextmanager
def _settings(
    demo: Demo, server: SimServer, folder: Path, say: Console
) -> Iterator[Settings]:
    rest: dict[str, Any] = {
        "poll_interval": POLL_SECONDS,
        "store": StoreSettings(url=f"sqlite:///{folder}/gpuwatch.db"),
        "web": WebSettings(listen=demo.listen),
        "rules": {
            "thermal_slowdown": {**HASTE, "window": "1m"},
            "power_brake": HASTE,
        },
    }
    if not (demo.prometheus and prometheus_available()):
        _explain_without(demo, say)
        urls = tuple(f"http://{target}/metrics" for target in server.targets)
        exporters = ExportersSettings(urls=urls, name="demo")
        yield Settings(prometheus=(), exporters=exporters, **rest)
        return
    with RealPrometheus(server.prometheus_config("1s"), lookback=None) as prometheus:
        say.print(f"A real Prometheus scrapes every second: {prometheus.url}")
        one = PrometheusSettings(name="demo", url=prometheus.url)
        yield Settings(prometheus=(one,), **rest)


def _explain_without(demo: Demo, say: Console) -> None:
    missing = "" if shutil.which("prometheus") else " (prometheus is not on the PATH)"
    why = missing if demo.prometheus else ""
    say.print(f"Exporters are read directly, without a Prometheus{why}.")


def _programme(demo: Demo, app: App) -> str:
    faults = "\n".join(f"  {fault}" for fault in demo.faults or STORY)
    length = "until Ctrl-C" if demo.forever else f"{STORY_SECONDS:.0f} s"
    return (
        f"[bold]{demo.nodes} simulated nodes of 8 GPUs, {length}[/]; {app.address}\n"
        f"Faults (kind:node:gpu@from-to, in seconds):\n{faults}\n"
        "What follows is what Slack would show.\n"
    )


class Curtain:
    """Rises when gpuwatch has had its first look, so that nothing is an arrival."""

    def __init__(
        self, server: SimServer, story: Sequence[Fault], length_seconds: float | None
    ) -> None:
        self._server, self._story, self._length = server, story, length_seconds
        self._timer: threading.Timer | None = None
        self._is_up = False

    def rise(self, view: View) -> None:
        """Begin the story once every GPU has been seen."""
        if self._is_up or view.gpus_present == 0:
            return
        self._is_up = True
        for fault in self._story:
            self._server.inject(fault)
        if self._length is not None:
            end = (os.getpid(), signal.SIGTERM)
            self._timer = threading.Timer(self._length, os.kill, end)
            self._timer.daemon = True
            self._timer.start()

    def cancel(self) -> None:
        """Whoever ends it otherwise."""
        if self._timer is not None:
            self._timer.cancel()
