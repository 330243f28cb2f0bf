"""The server as a part of the daemon."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from gpuwatch.errors import ConfigError
from gpuwatch.web import WebServer
from tests.web.houses import TIMEOUT, House, built, served, web


def server_of(house: House, listen: str = "127.0.0.1:0") -> WebServer:
    return WebServer(
        lambda: dict(house.views),
        house.store,
        web(listen),
        rules=lambda: house.rules,
        poll_interval_seconds=15.0,
    )


@pytest.fixture
def unserved(tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "unserved"
    folder.mkdir()
    with built(folder) as house:
        yield house


def test_a_port_in_use_is_a_configuration_error(house: House, unserved: House) -> None:
    taken = urlsplit(house.url).netloc
    with pytest.raises(ConfigError) as error:
        server_of(unserved, taken)
    assert error.value.key == "web.listen"
    assert f"cannot listen on {taken} (Address already in use)" in str(error.value)


def test_an_unknown_address_is_a_configuration_error(unserved: House) -> None:
    with pytest.raises(ConfigError, match=r"web\.listen: 'no-such-host\.invalid' is"):
        server_of(unserved, "no-such-host.invalid:9488")


def test_an_address_of_another_machine_is_a_configuration_error(
    unserved: House,
) -> None:
    far = web("192.0.2.1:9488", "s3cret")
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:9488"):
        WebServer(dict, unserved.store, far, rules=dict, poll_interval_seconds=15.0)


def test_who_connects_before_the_start_is_answered_after_it(unserved: House) -> None:
    server = server_of(unserved)
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), TIMEOUT) as early:
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        server.start()
        assert early.recv(100).startswith(b"HTTP/1.1 200 OK")
    server.stop()


@pytest.mark.parametrize("listen", ["localhost:0", "[::1]:0"])
def test_other_names_of_loopback_need_no_token(unserved: House, listen: str) -> None:
    server = server_of(unserved, listen)
    server.start()
    try:
        answer = requests.get(f"{server.url}/api/v1/fleet", timeout=TIMEOUT)
        assert answer.status_code == 200
    finally:
        server.stop()


def test_it_stops_quickly_with_connections_open(tmp_path: Path) -> None:
    with built(tmp_path) as house, requests.Session() as kept:
        with served(house):
            assert kept.get(house.url, timeout=TIMEOUT).status_code == 200
            parts = urlsplit(house.url)
            half = socket.create_connection((parts.hostname, parts.port), TIMEOUT)
            half.sendall(b"GET / HT")
            began = time.monotonic()
        assert time.monotonic() - began < 2.0
        assert "web" not in {thread.name for thread in threading.enumerate()}
        half.close()
        with pytest.raises(requests.ConnectionError):
            requests.get(house.url, timeout=TIMEOUT)


def test_it_can_be_stopped_before_it_started_and_twice(unserved: House) -> None:
    server = server_of(unserved)
    port = urlsplit(server.url).port
    server.stop()
    server.stop()
    again = server_of(unserved, f"127.0.0.1:{port}")
    again.stop()


def test_stopping_at_once_after_the_start_leaves_no_thread(unserved: House) -> None:
    server = server_of(unserved)
    server.start()
    server.stop()
    assert "web" not in {thread.name for thread in threading.enumerate()}


def test_it_touches_neither_signals_nor_logging(unserved: House) -> None:
    loggers = [
        logging.getLogger(f"uvicorn{part}") for part in ("", ".access", ".error")
    ]
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(kind) for kind in kinds]
    logs = [(log.handlers[:], log.level, log.propagate) for log in loggers]
    server = server_of(unserved)
    server.start()
    requests.get(f"{server.url}/healthz", timeout=TIMEOUT)
    assert [signal.getsignal(kind) for kind in kinds] == before
    server.stop()
    assert [(log.handlers, log.level, log.propagate) for log in loggers] == logs


def test_a_reload_changes_the_token_and_what_is_fresh(unserved: House) -> None:
    server = server_of(unserved)
    server.start()
    try:
        asked: dict[str, Any] = {
            "kind": "silence",
            "by": "ann",
            "matchers": ["node=n1"],
        }
        asked |= {"comment": "fans", "ends_at": time.time() + 600}
        headers = {"Authorization": "Bearer new-token"}
        url = f"{server.url}/api/v1/requests"
        before = requests.post(url, json=asked, headers=headers, timeout=TIMEOUT)
        server.reconfigure(
            web("127.0.0.1:0", "new-token"),
            poll_interval_seconds=15.0,
            clusters=["elsewhere"],
        )
        after = requests.post(url, json=asked, headers=headers, timeout=TIMEOUT)
        ready = requests.get(f"{server.url}/readyz", timeout=TIMEOUT)
    finally:
        server.stop()
    assert (before.status_code, after.status_code) == (403, 202)
    assert "elsewhere" in ready.json()["error"]
