"""What stands in deploy/ works with what it is written for."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpuwatch import __version__
from gpuwatch.settings import load_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd/gpuwatch.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd-analyze"
)


def loaded(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text("utf-8"))


def run(*command: str | Path) -> tuple[int, str]:
    """Exit code and all output."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


# -- systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    text = UNIT.read_text("utf-8")
    changed = re.sub(r"(?m)^ExecStart=.*", "ExecStart=/bin/true", text)
    assert changed != text
    path = tmp_path / "gpuwatch.service"
    path.write_text(changed)
    return path


@needs_systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    assert run("systemd-analyze", "verify", unit) == (0, "")


@needs_systemd
def test_the_unit_exposes_little(unit: Path) -> None:
    """2.0 on systemd's scale of 10; a unit without hardening has 9.6."""
    code, output = run(
        "systemd-analyze", "security", "--offline=yes", "--threshold=20", unit
    )
    assert code == 0, output[-500:]


def test_the_unit_speaks_the_daemons_language() -> None:
    parser = RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    service = parser["Service"]
    expected = {
        "Type": "notify",
        "NotifyAccess": "main",
        "WatchdogSec": "120",
        "Restart": "on-failure",
        "DynamicUser": "yes",
        "StateDirectory": "gpuwatch",
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "LoadCredential": "slack__token:gpuwatch.slack_token",
    }
    assert {key: service[key] for key in expected} == expected


def test_the_units_credential_is_the_slack_token(tmp_path: Path) -> None:
    (tmp_path / "slack__token").write_text("xoxb-from-the-store\n")
    settings = load_settings(
        environ={
            "CREDENTIALS_DIRECTORY": str(tmp_path),
            "STATE_DIRECTORY": "/var/lib/gpuwatch",
            "GPUWATCH_SLACK__CHANNEL": "#gpu-alerts",
        }
    )
    assert settings.slack.token is not None
    assert settings.slack.token.get_secret_value() == "xoxb-from-the-store"
    url = settings.store.url.get_secret_value()
    assert url == "sqlite:////var/lib/gpuwatch/gpuwatch.db"


# -- the container image


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, in order."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def last(word: str) -> str:
    return [rest for found, rest in instructions() if found == word][-1]


def test_the_image_is_built_from_files_that_are_sent_to_it() -> None:
    sent = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for word, rest in instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == sent
    assert {"gpuwatch", "constraints.txt"} <= copied


def test_the_image_has_a_python_that_we_support_and_no_moving_tag() -> None:
    bases = [rest.split()[0] for word, rest in instructions() if word == "FROM"]
    assert set(bases) == {"python:3.12-slim-bookworm"}


def test_the_image_runs_unprivileged_and_keeps_its_state() -> None:
    assert last("USER") == "10001:10001"
    assert last("VOLUME") == "/var/lib/gpuwatch"
    assert "STATE_DIRECTORY=/var/lib/gpuwatch" in last("ENV")
    assert (json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))) == (
        ["gpuwatch"],
        ["run"],
    )


@contextmanager
def health(status: int) -> Iterator[int]:
    """A server that answers /healthz; its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_check(port: int) -> int:
    """The image's own check, at another port; its exit code."""
    _, _, command = last("HEALTHCHECK").partition("CMD ")
    program, *arguments = json.loads(command.replace(":9488/", f":{port}/"))
    assert (program, str(port) in arguments[-1]) == ("python", True)
    return run(sys.executable, *arguments)[0]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_images_health_check(status: int, code: int) -> None:
    with health(status) as port:
        assert health_check(port) == code


def test_the_images_health_check_where_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert health_check(taken.getsockname()[1]) == 1


# -- compose


def test_composes_environment_is_a_configuration() -> None:
    environ = loaded("compose.yaml")["services"]["gpuwatch"]["environment"]
    filled = {name: substituted(value) for name, value in environ.items()}
    settings = load_settings(environ={**filled, "STATE_DIRECTORY": "/state"})
    assert settings.prometheus[0].url == "http://prometheus:9090"
    assert settings.web.listen == "0.0.0.0:9488"
    assert settings.web.token is not None
    assert settings.slack.channel == "#gpu-alerts"
    assert not settings.slack.ready


def substituted(value: str) -> str:
    """What compose makes of `${NAME:-default}` and `${NAME:?message}`."""
    value = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
    return re.sub(r"\$\{\w+:\?[^}]*\}", "given", value)


def test_composes_files_exist_and_its_pages_stay_on_loopback() -> None:
    services = loaded("compose.yaml")["services"]
    assert set(services) == {"prometheus", "gpuwatch", "grafana"}
    for service in services.values():
        mounted = [v.split(":")[0] for v in service["volumes"] if v.startswith(".")]
        assert [path for path in mounted if not (DEPLOY / path).exists()] == []
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_composes_image_is_of_this_version() -> None:
    image = loaded("compose.yaml")["services"]["gpuwatch"]["image"]
    assert image == f"gpuwatch:{__version__}"


def test_grafana_finds_prometheus() -> None:
    sources = loaded("grafana/provisioning/datasources/gpuwatch.yml")["datasources"]
    assert [s["url"] for s in sources] == ["http://prometheus:9090"]
