import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.testing import Dribble, FakePrometheus, HangSeconds, TimeoutBeforeAccept

FAR_SECONDS = 20.0


@contextmanager
def client_of(
    url: str, *, deadline_seconds: float, timeout: float = 10
) -> Iterator[PrometheusClient]:
    settings = PrometheusSettings(url=url, backend="prometheus", timeout=timeout)
    made = PrometheusClient(settings, deadline_seconds=deadline_seconds)
    with closing(made):
        yield made


def late(client: PrometheusClient) -> SourceError:
    before = time.monotonic()
    with pytest.raises(SourceError) as caught:
        client.query("up", 1, name="temp")
    assert time.monotonic() - before < FAR_SECONDS
    assert caught.value.retryable
    return caught.value


def test_a_dribble_ends_at_the_deadline(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.always("query", Dribble(bytes_per_second=1))
    with client_of(fake_prometheus.url, deadline_seconds=0.5) as client:
        error = late(client)
    assert error.reason == f"no answer from {fake_prometheus.url} in time"
    assert len(fake_prometheus.requests) == 1


def test_silence_ends_at_the_deadline(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.always("query", TimeoutBeforeAccept())
    with client_of(fake_prometheus.url, deadline_seconds=0.5) as client:
        assert "in time" in late(client).reason


def test_one_silence_is_tried_again_while_time_is_left(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.answer("up", [({}, 1)])
    fake_prometheus.fail_next("query", TimeoutBeforeAccept())
    with client_of(fake_prometheus.url, deadline_seconds=15, timeout=0.3) as client:
        assert client.query("up", 1) == [({}, 1.0)]
    assert len(fake_prometheus.requests) == 2


def test_all_calls_of_a_cycle_share_one_deadline(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.fail_next("query", HangSeconds(0.4))
    with client_of(fake_prometheus.url, deadline_seconds=60) as client:
        client.begin_cycle(0.4)
        late(client)
        assert late(client).reason == "no time left in this cycle"
        assert len(fake_prometheus.requests) == 1
        client.begin_cycle()
        assert client.query("up", 1) == []
        client.begin_cycle(0.0)
        late(client)
        client.end_cycle()
        assert client.query("up", 1) == []


@pytest.mark.parametrize(
    "opening",
    [
        b"HTTP/1.1 200 OK\r\nX-Endless: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        b"HTTP/1.1 200 OK\r\n\r\n{",
    ],
    ids=["headers", "chunk size", "body without end"],
)
def test_no_dribble_anywhere_outlives_the_deadline(opening: bytes) -> None:
    with dribbling(opening) as url, client_of(url, deadline_seconds=0.5) as client:
        assert late(client).reason == f"no answer from {url} in time"


@contextmanager
def dribbling(opening: bytes) -> Iterator[str]:
    """A server that goes on for ever, a byte every 20 ms."""
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                dribble(connection)

    def dribble(connection: socket.socket) -> None:
        try:
            connection.recv(65_536)
            connection.sendall(opening)
            while not ended.wait(0.02):
                connection.sendall(b"a")
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()
