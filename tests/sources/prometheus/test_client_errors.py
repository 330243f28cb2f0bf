from collections.abc import Iterator
from contextlib import closing

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.testing import (
    ErrorAnswer,
    FakePrometheus,
    Fault,
    Html,
    HttpStatus,
    IsPartial,
    Reply,
    Reset,
    Truncated,
    Warnings,
)


@pytest.fixture
def client(fake_prometheus: FakePrometheus) -> Iterator[PrometheusClient]:
    settings = PrometheusSettings(
        url=fake_prometheus.url,
        backend="prometheus",
        headers={"Authorization": "Bearer s3cret-token"},
    )
    with closing(PrometheusClient(settings, deadline_seconds=5)) as made:
        yield made


def refusal(settings: PrometheusSettings) -> SourceError:
    made = PrometheusClient(settings, deadline_seconds=5)
    with closing(made) as client, pytest.raises(SourceError) as caught:
        client.query("up", 1)
    return caught.value


def failing(
    prometheus: FakePrometheus, client: PrometheusClient, fault: Fault
) -> SourceError:
    prometheus.always("query", fault)
    with pytest.raises(SourceError) as caught:
        client.query("up", 1, name="gpu_temp")
    assert caught.value.query == "gpu_temp"
    assert str(caught.value) == f"gpu_temp: {caught.value.reason}"
    assert caught.value.reason.isprintable()
    assert len(caught.value.reason) <= 200
    return caught.value


@pytest.mark.parametrize(
    ("fault", "reason", "again"),
    [
        (
            ErrorAnswer(400, "bad_data", "parse error"),
            "HTTP 400: bad_data: parse error",
            (False, 1),
        ),
        (
            ErrorAnswer(422, "execution", "many-to-many"),
            "HTTP 422: execution: many-to-many",
            (False, 1),
        ),
        (
            ErrorAnswer(422, "execution", "with data", {"resultType": "vector"}),
            "HTTP 422: execution: with data",
            (False, 1),
        ),
        (
            ErrorAnswer(200, "execution", "error although 200"),
            "HTTP 200: execution: error although 200",
            (False, 1),
        ),
        (
            ErrorAnswer(503, "timeout", "query timed out"),
            "HTTP 503: timeout: query timed out",
            (True, 3),
        ),
        (
            ErrorAnswer(499, "canceled", "canceled"),
            "HTTP 499: canceled: canceled",
            (True, 1),
        ),
        (
            ErrorAnswer(500, "internal", "disk"),
            "HTTP 500: internal: disk",
            (True, 1),
        ),
        (
            HttpStatus(401, "no org id"),
            "HTTP 401: credentials refused; check bearer_token, basic_auth, tenant",
            (False, 1),
        ),
        (
            HttpStatus(403),
            "HTTP 403: access denied; check credentials and tenant",
            (False, 1),
        ),
        (
            HttpStatus(404, "404 page not found"),
            "HTTP 404: no Prometheus API at this address; check url and its path",
            (False, 1),
        ),
        (
            HttpStatus(429, "slow down"),
            "HTTP 429: too many requests; the server asks us to slow down",
            (True, 1),
        ),
        (Html(502), "HTTP 502: not JSON (an error of a proxy?)", (True, 3)),
        (Html(504), "HTTP 504: not JSON (an error of a proxy?)", (True, 3)),
        (
            Html(200),
            "HTTP 200: not JSON (a web page? check url and its path)",
            (False, 1),
        ),
        (
            HttpStatus(302),
            "HTTP 302: redirected; write the final address in url",
            (False, 1),
        ),
        (
            Truncated(honest_length=True),
            "HTTP 200: answer cut short or broken",
            (True, 3),
        ),
    ],
)
def test_each_error_in_one_line(
    fake_prometheus: FakePrometheus,
    client: PrometheusClient,
    fault: Fault,
    reason: str,
    again: tuple[bool, int],
) -> None:
    retryable, asked = again
    error = failing(fake_prometheus, client, fault)
    assert error.reason == reason
    assert error.retryable is retryable
    assert not error.partial
    assert len(fake_prometheus.requests) == asked


@pytest.mark.parametrize("fault", [Reset(), Truncated(honest_length=False)])
def test_a_broken_connection_is_tried_three_times(
    fake_prometheus: FakePrometheus, client: PrometheusClient, fault: Fault
) -> None:
    error = failing(fake_prometheus, client, fault)
    assert error.retryable
    assert len(fake_prometheus.requests) == 3
    assert "0x" not in error.reason


def test_what_passes_is_not_seen(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer("up", [({}, 1)])
    fake_prometheus.fail_next("query", HttpStatus(503), Reset())
    assert client.query("up", 1) == [({}, 1.0)]


@pytest.mark.parametrize(
    "warning",
    [
        "No StoreAPIs matched for this query",
        'fetch series for {replica="a"} store-1: rpc error: code = Unavailable',
        "receive series from Addr: 10.0.0.1:10901: context deadline exceeded",
        "results truncated due to limit",
        "PARTIAL response",
    ],
)
def test_a_partial_answer_is_no_answer(
    fake_prometheus: FakePrometheus, client: PrometheusClient, warning: str
) -> None:
    fake_prometheus.answer("up", [({}, 1)])
    error = failing(fake_prometheus, client, Warnings(["harmless", warning]))
    assert error.partial
    assert error.retryable
    assert error.reason.startswith("partial answer: ")
    assert len(fake_prometheus.requests) == 1


def test_victoriametrics_says_partial_in_its_own_way(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    error = failing(fake_prometheus, client, IsPartial())
    assert error.partial
    assert error.reason == "the server marked its answer as partial"


def test_hostile_text_is_cut_and_flattened(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    nasty = "a\n\x1b[31m\u202e\u2028" + "<script>" * 100
    error = failing(fake_prometheus, client, ErrorAnswer(400, "bad_data", nasty))
    assert error.reason.startswith("HTTP 400: bad_data: a [31m <script>")
    assert error.reason.endswith("…")


def test_a_secret_that_the_server_repeats_is_blotted_out(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    echo = ErrorAnswer(400, "bad_data", "bad header Bearer s3cret-token here")
    error = failing(fake_prometheus, client, echo)
    assert error.reason == "HTTP 400: bad_data: bad header *** here"


def test_a_redirect_carries_no_credentials_elsewhere(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    elsewhere = {"Location": f"{fake_prometheus.url}/elsewhere"}
    fake_prometheus.pages["/api/v1/query"] = Reply(307, headers=elsewhere)
    with pytest.raises(SourceError, match="redirected"):
        client.query("up", 1)
    assert [request.path for request in fake_prometheus.requests] == ["/api/v1/query"]


def test_nobody_listens(free_port: int) -> None:
    settings = PrometheusSettings(
        url=f"http://127.0.0.1:{free_port}", backend="prometheus"
    )
    error = refusal(settings)
    assert error.reason == f"cannot talk to {settings.url}: Connection refused"
    assert error.retryable


def test_a_host_without_an_address() -> None:
    settings = PrometheusSettings(url="http://no.such.host.invalid", backend="thanos")
    assert "no.such.host.invalid has no address" in refusal(settings).reason


def test_the_names_of_metrics_fail_by_name(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.always("label_values", HttpStatus(403))
    with pytest.raises(SourceError, match="metric names: HTTP 403"):
        client.metric_names()
