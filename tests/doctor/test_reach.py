"""What is said of a Prometheus that cannot be read, and of clocks that differ."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gpuwatch.doctor.clusters import clusters
from gpuwatch.doctor.reach import clock_skew
from gpuwatch.doctor.sight import Clock
from gpuwatch.settings import BasicAuth, PrometheusSettings, Settings, Tls
from gpuwatch.testing import (
    FakePrometheus,
    Html,
    HttpStatus,
    TimeoutBeforeAccept,
    claimed_port,
)
from tests.doctor.conftest import named, states


def examined(**settings: Any) -> dict[str, Any]:
    cluster = PrometheusSettings(name="east", **settings)
    found = list(clusters(Settings(prometheus=(cluster,))))
    assert {finding.cluster for finding in found} == {"east"}
    assert states(found)["readings"] == "skip"
    prometheus = named(found, "Prometheus")
    assert prometheus.state == "fail"
    return {"what": prometheus.what, "mend": prometheus.mend}


def test_nobody_listens() -> None:
    with claimed_port() as port:
        found = examined(url=f"http://127.0.0.1:{port}")
    assert "Connection refused" in found["what"]
    assert found["mend"].startswith("is Prometheus running there?")


def test_no_such_host() -> None:
    found = examined(url="http://prometheus.invalid:9090")
    assert "DNS" in found["what"]
    assert "host name" in found["mend"]


def test_a_certificate_that_nobody_vouches_for() -> None:
    with FakePrometheus(tls=True) as server:
        found = examined(url=server.url)
    assert "TLS" in found["what"]
    assert "ca_file" in found["mend"]


@dataclass(frozen=True)
class Case:
    """What a server does, and what the remedy names."""

    fault: Any
    mend: str


@pytest.mark.parametrize(
    "case",
    [
        Case(HttpStatus(401), "bearer_token_file or basic_auth"),
        Case(HttpStatus(403), "prometheus.tenant"),
        Case(HttpStatus(404), "end before /api/v1"),
        Case(HttpStatus(302), "final address"),
        Case(TimeoutBeforeAccept(), "raise prometheus.timeout"),
        Case(Html(500), "curl"),
    ],
    ids=lambda case: str(case.fault),
)
def test_a_server_that_refuses(fake_prometheus: FakePrometheus, case: Case) -> None:
    for method in ("query", "other", "label_values"):
        fake_prometheus.always(method, case.fault)
    found = examined(url=fake_prometheus.url, timeout=1.0)
    assert case.mend in found["mend"]


def test_a_password_file_that_is_gone(fake_prometheus: FakePrometheus) -> None:
    auth = BasicAuth(username="bob", password_file=Path("/none/password"))
    found = examined(url=fake_prometheus.url, basic_auth=auth)
    assert found["mend"] == "check path, owner and mode of that file"


def test_no_secret_is_repeated(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.always("query", HttpStatus(401, "no hush-token here"))
    found = examined(url=fake_prometheus.url, bearer_token=SecretStr("hush-token"))
    assert "hush" not in str(found)


def test_with_the_right_ca_it_is_read() -> None:
    with FakePrometheus(tls=True) as server:
        server.answer("time()", {"resultType": "scalar", "result": [0, "1.7e9"]})
        cluster = PrometheusSettings(url=server.url, tls=Tls(ca_file=server.ca_file))
        found = list(clusters(Settings(prometheus=(cluster,))))
    assert states(found)["Prometheus"] == "ok"


@pytest.mark.parametrize(
    ("ahead", "trip", "state", "words"),
    [
        (0.4, 0.1, "ok", "agree"),
        (-4.9, 0.0, "ok", "agree"),
        (6.0, 2.0, "ok", "agree"),
        (30.0, 0.1, "warn", "30 s ahead of this host"),
        (-30.0, 0.1, "warn", "30 s behind this host"),
        (3600.0, 0.1, "fail", "60 min ahead of this host"),
    ],
)
def test_clocks(ahead: float, trip: float, state: str, words: str) -> None:
    found = clock_skew(Clock(1.7e9, ahead, trip))
    assert found.state == state
    assert words in found.what


@pytest.fixture
def ahead() -> Iterator[FakePrometheus]:
    """A Prometheus whose clock is ten minutes ahead."""
    with FakePrometheus() as server:
        server.clock_offset_seconds = 600.0
        server.answer(
            "time()",
            lambda _: [({}, time.time() + 600.0)],
        )
        yield server


def test_a_skew_is_seen_through_the_api(ahead: FakePrometheus) -> None:
    cluster = PrometheusSettings(url=ahead.url)
    found = named(clusters(Settings(prometheus=(cluster,))), "clocks")
    assert found.state == "fail"
    assert "10 min ahead" in found.what


def test_every_cluster_is_looked_at(fake_prometheus: FakePrometheus) -> None:
    good = PrometheusSettings(name="good", url=fake_prometheus.url)
    fake_prometheus.answer("time()", [({}, 1.7e9)])
    bad = PrometheusSettings(name="bad", url="http://127.0.0.1:9")
    found = list(clusters(Settings(prometheus=(bad, good))))
    by_cluster = {(f.cluster, f.name): f.state.value for f in found}
    assert by_cluster["bad", "Prometheus"] == "fail"
    assert by_cluster["good", "Prometheus"] == "ok"
    assert by_cluster["good", "GPUs"] == "fail"
    assert by_cluster["good", "metric names"] == "warn"


def test_what_one_query_is_refused_ends_no_other(
    fake_prometheus: FakePrometheus,
) -> None:
    name, gpu = "DCGM_FI_DEV_GPU_TEMP", {"UUID": "GPU-1", "Hostname": "a", "gpu": "0"}
    fake_prometheus.label_values["__name__"] = [name]
    fake_prometheus.answer(name, lambda at: [(gpu, at)])
    fake_prometheus.answer("__name__", {"resultType": "no", "result": []})
    fake_prometheus.answer("time()", lambda at: [({}, at)])
    fake_prometheus.always("query_range", HttpStatus(422))
    cluster = PrometheusSettings(url=fake_prometheus.url)
    found = list(clusters(Settings(prometheus=(cluster,))))
    by_name = states(found)
    assert by_name["metric names"] == "fail"
    assert by_name["intervals"] == "skip"
    assert by_name["node names"] == "ok"
    assert named(found, "GPUs").what == "1 GPU on 1 node"
