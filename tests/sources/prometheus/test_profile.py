from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.settings import Backend, PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.profile import PROFILES, Freshness, told_by_build
from gpuwatch.testing import (
    FakePrometheus,
    Html,
    HttpStatus,
    Reply,
    Reset,
    backfilled,
    prometheus_available,
)

PAGE = "/api/v1/status/buildinfo"
LAST = 1_600_007_200


@contextmanager
def client_of(**settings: Any) -> Iterator[PrometheusClient]:
    made = PrometheusClient(PrometheusSettings(**settings), deadline_seconds=10)
    with closing(made):
        yield made


@pytest.mark.parametrize(
    ("build", "backend"),
    [
        ({"version": "2.42.0", "revision": "r", "goVersion": "go1.19"}, "prometheus"),
        ({"version": "3.14.0", "revision": "r", "goVersion": "go1.25"}, "prometheus"),
        ({"version": "0.39.2", "revision": "r", "goVersion": "go1.24"}, "thanos"),
        ({"application": "Grafana Mimir", "version": "2.17.0"}, "mimir"),
        ({"version": "2.24.0"}, "victoriametrics"),
        ({}, "victoriametrics"),
        ({"version": "2.24.0", "revision": "r", "goVersion": "go1.15"}, "prometheus"),
        ({"version": "unknown", "revision": "r"}, "prometheus"),
        ({"version": 7, "features": {}}, "prometheus"),
    ],
)
def test_the_server_is_asked_once_what_it_is(
    fake_prometheus: FakePrometheus, build: dict[str, object], backend: str
) -> None:
    answer = Reply.of_json({"status": "success", "data": build})
    fake_prometheus.pages[PAGE] = answer
    with client_of(url=fake_prometheus.url) as client:
        client.query("up", 1)
        client.query("up", 1)
        assert client.profile.name == backend
    paths = [request.path for request in fake_prometheus.requests]
    assert paths == [PAGE, "/api/v1/query", "/api/v1/query"]


@pytest.mark.parametrize("fault", [None, HttpStatus(403), Html(200), HttpStatus(500)])
def test_without_a_build_page_it_is_a_prometheus(
    fake_prometheus: FakePrometheus, fault: HttpStatus | Html | None
) -> None:
    fake_prometheus.always("other", fault)
    with client_of(url=fake_prometheus.url) as client:
        assert client.profile == PROFILES[Backend.PROMETHEUS]


def test_a_server_that_cannot_be_asked_is_not_guessed_at(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.always("other", Reset())
    with client_of(url=fake_prometheus.url) as client:
        with pytest.raises(SourceError) as caught:
            client.query("up", 1, name="gpu_temp")
        assert caught.value.query == "gpu_temp"
        fake_prometheus.always("other", None)
        fake_prometheus.pages[PAGE] = Reply.of_json({"status": "success", "data": {}})
        assert client.profile.name == "victoriametrics"


@pytest.mark.parametrize(
    ("settings", "backend"),
    [
        ({"url": "https://aps-workspaces.eu-west-1.amazonaws.com/w"}, "amazon"),
        ({"url": "http://a", "sigv4": {"region": "eu-west-1"}}, "amazon"),
        ({"url": "https://monitoring.googleapis.com/v1/projects/p"}, "managed"),
        ({"url": "http://a", "backend": "mimir"}, "mimir"),
    ],
)
def test_settings_and_addresses_say_it_without_asking(
    settings: dict[str, Any], backend: str
) -> None:
    with client_of(**settings) as client:
        assert client.profile.name == backend


@pytest.mark.parametrize(
    ("backend", "extra"),
    [
        ("prometheus", {}),
        (
            "thanos",
            {"partial_response": "false", "dedup": "true", "lookback_delta": "90000ms"},
        ),
        ("mimir", {}),
        ("victoriametrics", {"nocache": "1", "max_lookback": "90000ms"}),
    ],
)
def test_the_form_of_each_backend(
    fake_prometheus: FakePrometheus, backend: str, extra: dict[str, str]
) -> None:
    with client_of(url=fake_prometheus.url, backend=backend) as client:
        client.query("up", 1)
    form = dict(fake_prometheus.requests[-1].form)
    del form["timeout"]
    assert form == {"query": "up", "time": "1.000", **extra}


@pytest.mark.parametrize("backend", ["managed", "amazon"])
def test_managed_services_get_no_parameter_they_might_refuse(
    fake_prometheus: FakePrometheus, backend: str
) -> None:
    with client_of(url=fake_prometheus.url, backend=backend) as client:
        client.query("up", 1)
    assert set(fake_prometheus.requests[-1].form) == {"query", "time"}


def test_an_old_thanos_ignores_the_lookback_so_the_window_serves() -> None:
    old = told_by_build({"version": "0.28.1", "revision": "r"})
    assert old.name == Backend.THANOS
    assert old.freshness is Freshness.WINDOW
    assert "lookback_delta" not in old.form(90)
    assert told_by_build({"version": "0.29.0", "revision": "r"}).freshness is (
        Freshness.LOOKBACK_DELTA
    )


@pytest.mark.parametrize(
    ("backend", "offset_seconds"),
    [
        ("prometheus", 0),
        ("thanos", 0),
        ("mimir", 30),
        ("victoriametrics", 30),
        ("managed", 60),
        ("amazon", 60),
    ],
)
def test_the_offset_is_the_backends_unless_set(
    backend: str, offset_seconds: float
) -> None:
    with client_of(url="http://a", backend=backend) as client:
        assert client.offset_seconds == offset_seconds
    with client_of(url="http://a", backend=backend, offset="0s") as client:
        assert client.offset_seconds == 0


def test_every_backend_has_a_profile() -> None:
    assert set(PROFILES) == set(Backend) - {Backend.AUTO}
    assert [b for b, p in PROFILES.items() if not p.name_regex_allowed] == ["managed"]
    assert [b for b, p in PROFILES.items() if not p.staleness_markers] == ["managed"]
    assert PROFILES[Backend.VICTORIAMETRICS].max_query_bytes == 16_384


def openmetrics() -> str:
    stamps = range(LAST - 7200, LAST + 1, 15)
    lines = [f'temp{{gpu="0"}} 60 {at}' for at in stamps]
    return "\n".join(["# TYPE temp gauge", *lines, "# EOF", ""])


@pytest.mark.live
@pytest.mark.skipif(not prometheus_available(), reason="no prometheus binary")
def test_no_old_sample_is_fresh_at_the_default_lookback_of_five_minutes() -> None:
    with (
        backfilled(openmetrics(), lookback=None) as prometheus,
        client_of(url=prometheus.url) as client,
    ):
        profile = client.profile
        assert profile.name == Backend.PROMETHEUS
        assert client.build()["version"].startswith(("2.", "3."))
        fresh = profile.fresh("temp", 90)
        ages = (0, 89, 91, 299)
        shown = [len(client.query(fresh, LAST + age)) for age in ages]
        assert shown == [1, 1, 0, 0]
        assert len(client.query("temp", LAST + 299)) == 1
        ranged = client.query_range(fresh, LAST, LAST + 150, 25)
        assert [at - LAST for at, _ in ranged[0][1]] == [0, 25, 50, 75]
        assert client.metric_names() == {"temp"}
        assert client.server_time() > LAST
