"""The simulated fleet on real HTTP: one small server per node and exporter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.host import host_page

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
_POLL_SECONDS = 0.2

# A page, an HTTP error without one, or None: hang up without an answer.
Answer = str | HTTPStatus | None


class SimServer:
    """Serves a fleet while its `with` block lasts, on free ports of one host.

    Every scrape first moves the fleet on to `clock() - t0`, where t0 is the clock at
    the start of the block. With `node_exporter` each node has a second page, which
    outlives the GPU exporter's troubles but not the node.
    """

    def __init__(
        self,
        fleet: SimFleet,
        *,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.monotonic,
        node_exporter: bool = False,
    ) -> None:
        self.fleet = fleet
        self.targets: list[str] = []
        self.node_targets: list[str] = []
        self._host, self._clock, self._node_exporter = host, clock, node_exporter
        self._t0_seconds = self._epoch_seconds = 0.0
        self._lock = threading.Lock()
        self._listeners: list[_Listener] = []

    def __enter__(self) -> Self:
        self._t0_seconds, self._epoch_seconds = self._clock(), time.time()
        try:
            self.targets = self._listen(self._dcgm_answer)
            if self._node_exporter:
                self.node_targets = self._listen(self._node_answer)
        except OSError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        stops = [threading.Thread(target=one.stop) for one in self._listeners]
        for stop in stops:
            stop.start()
        for stop in stops:
            stop.join()
        self._listeners.clear()

    @property
    def now_seconds(self) -> float:
        """The time on the fleet's clock."""
        return self._clock() - self._t0_seconds

    def inject(self, fault: Fault) -> Fault:
        """Add a fault whose times count from now; what `mend` takes."""
        with self._lock:
            entered = fault.shifted(self.now_seconds)
            self.fleet.add(entered)
            return entered

    def mend(self, fault: Fault) -> None:
        """End a fault that `inject` gave, now."""
        with self._lock:
            self.fleet.advance(self.now_seconds)
            self.fleet.end(fault)

    def prometheus_config(self, scrape_interval: str = "1s") -> str:
        """A Prometheus configuration that scrapes this fleet."""
        jobs = _job("dcgm", [(target, None) for target in self.targets])
        if self.node_targets:
            named = zip(self.node_targets, self.fleet.node_names, strict=True)
            jobs += _job("node", list(named))
        head = (
            f"scrape_interval: {scrape_interval}\n  scrape_timeout: {scrape_interval}"
        )
        return f"global:\n  {head}\nscrape_configs:\n{jobs}"

    def _listen(self, answer: Callable[[int], Answer]) -> list[str]:
        targets = []
        for node_index in range(self.fleet.nodes):
            listener = _Listener(self._host, node_index, answer)
            self._listeners.append(listener)
            listener.start()
            targets.append(f"{self._host}:{listener.server_port}")
        return targets

    def _dcgm_answer(self, node_index: int) -> Answer:
        with self._lock:
            self.fleet.advance(self.now_seconds)
            condition = self.fleet.condition(node_index)
            if condition == "failing":
                return HTTPStatus.INTERNAL_SERVER_ERROR
            answers = condition in ("up", "reloading")
            return self.fleet.render(node_index) if answers else None

    def _node_answer(self, node_index: int) -> Answer:
        with self._lock:
            self.fleet.advance(self.now_seconds)
            if self.fleet.condition(node_index) == "off":
                return None
            return host_page(self.fleet, node_index, self._epoch_seconds)


def _job(name: str, targets: Sequence[tuple[str, str | None]]) -> str:
    lines = [f"- job_name: {name}", "  static_configs:"]
    for target, node in targets:
        lines.append(f"  - targets: ['{target}']")
        if node is not None:
            lines.append(f"    labels: {{node: {node}}}")
    return "\n".join(lines) + "\n"


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(
        self, host: str, node_index: int, answer: Callable[[int], Answer]
    ) -> None:
        super().__init__((host, 0), _Handler)
        self._node_index, self._answer = node_index, answer
        self._thread = threading.Thread(
            target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def answer(self) -> Answer:
        return self._answer(self._node_index)

    def server_bind(self) -> None:
        # HTTPServer would look the host's name up, which can take seconds.
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.socket.getsockname()[:2]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that hangs up early is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        if self.path.split("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        answer = self.server.answer()
        if isinstance(answer, HTTPStatus):
            self.send_error(answer)
        elif answer is not None:
            self._send(answer.encode())

    def _send(self, body: bytes) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TEXT_FORMAT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Scrapes are too many to log."""
