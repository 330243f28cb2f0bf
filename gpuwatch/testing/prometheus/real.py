"""RealPrometheus: the real binary on a loopback port, for one test."""

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import urlencode

from gpuwatch.testing.ports import LOOPBACK, claimed_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05
LOG_TAIL_LINES = 25
NO_SCRAPES = "scrape_configs: []\n"
# backfilled samples may be older than the 15 days that Prometheus keeps
KEEP_ALL = ("--storage.tsdb.retention.time=100y",)
# promtool reads its whole input once a block, so that few long blocks are quicker
BLOCK = "--max-block-duration=24h"


def prometheus_available() -> bool:
    """Tell whether prometheus and promtool are installed."""
    return all(shutil.which(name) for name in ("prometheus", "promtool"))


class RealPrometheus:
    """A Prometheus server; its data lives in a temporary folder unless told."""

    def __init__(
        self,
        config_yaml: str = NO_SCRAPES,
        *,
        lookback: str | None = "45s",
        storage: Path | None = None,
        extra_flags: Sequence[str] = (),
    ) -> None:
        self.config_yaml = config_yaml
        self.lookback = lookback
        self._own_storage = storage
        self.extra_flags = tuple(extra_flags)
        self.port = 0
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def storage(self) -> Path:
        """The data folder."""
        return self._own_storage or self._folder / "data"

    @property
    def log(self) -> str:
        """All that the server has logged."""
        path = self._folder / "prometheus.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(TemporaryDirectory()))
            self.port = stack.enter_context(claimed_port())
            stack.callback(self.stop)
            self._prepare()
            self.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def _prepare(self) -> None:
        """Do what has to be done before the first start."""

    def start(self) -> None:
        """Start (again), on the same port and data, and wait until ready."""
        if self._process is not None:
            return
        self._config.write_text(self.config_yaml)
        with (self._folder / "prometheus.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own words)
                self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._await_ready(self._process)
            undo.pop_all()

    @property
    def _config(self) -> Path:
        return self._folder / "prometheus.yml"

    def _command(self) -> list[str]:
        command = ["prometheus", f"--config.file={self._config}"]
        command += [f"--storage.tsdb.path={self.storage}"]
        command += [f"--web.listen-address={LOOPBACK}:{self.port}"]
        command += ["--web.enable-lifecycle"]
        if self.lookback is not None:
            command += [f"--query.lookback-delta={self.lookback}"]
        return [*command, *self.extra_flags]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._failed(f"prometheus ended with {process.returncode}")
            if self._status("/-/ready") == http.client.OK:
                return
            time.sleep(POLL_SECONDS)
        raise self._failed(f"prometheus not ready within {START_SECONDS:g} s")

    def _failed(self, what: str) -> RuntimeError:
        return RuntimeError("\n".join([what, *self.log.splitlines()[-LOG_TAIL_LINES:]]))

    def _status(self, path: str) -> int | None:
        try:
            return self._ask("GET", path)[0]
        except OSError:
            return None

    def _ask(
        self, verb: str, path: str, form: Mapping[str, Any] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=30)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            connection.request(verb, path, urlencode(form or {}), kind)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def reload(self, config_yaml: str | None = None) -> None:
        """Have the configuration read again, a new one if given."""
        self.config_yaml = config_yaml or self.config_yaml
        self._config.write_text(self.config_yaml)
        status, body = self._ask("POST", "/-/reload")
        if status != http.client.OK:
            raise self._failed(body.decode(errors="replace"))

    def query(self, expr: str, at_seconds: float | None = None) -> Any:
        """Return the `result` of an instant query."""
        form: dict[str, Any] = {"query": expr}
        if at_seconds is not None:
            form["time"] = at_seconds
        status, body = self._ask("POST", "/api/v1/query", form)
        if status != http.client.OK:
            raise RuntimeError(f"{status}: {body.decode(errors='replace')}")
        return json.loads(body)["data"]["result"]

    def stop(self) -> None:
        """End the server in good order, or kill it; the data stay."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class _Backfilled(RealPrometheus):
    source: str | Path = ""

    def _prepare(self) -> None:
        path = self.source
        if isinstance(path, str):
            path = self._folder / "backfill.om"
            path.write_text(str(self.source))
        self.storage.mkdir(parents=True, exist_ok=True)
        _create_blocks(path, self.storage)


def _create_blocks(source: Path, storage: Path) -> None:
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
    command += [BLOCK, "--quiet", str(source), str(storage)]
    done = subprocess.run(  # noqa: S603 (fixed words and our own paths)
        command, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"promtool ended with {done.returncode}\n{done.stderr}")


def backfilled(
    openmetrics: str | Path,
    *,
    config_yaml: str = NO_SCRAPES,
    lookback: str | None = "45s",
    storage: Path | None = None,
    extra_flags: Sequence[str] = (),
) -> RealPrometheus:
    """Serve history given as OpenMetrics text (a str) or a file of it (a Path).

    Backfilled series carry no staleness markers: keep `lookback` short, or the
    last sample of a series that ended stays visible for five minutes.
    """
    flags = (*KEEP_ALL, *extra_flags)
    served = _Backfilled(
        config_yaml, lookback=lookback, storage=storage, extra_flags=flags
    )
    served.source = openmetrics
    return served
