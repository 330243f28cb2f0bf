import gc
import math
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from gpuwatch.errors import SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.testing import FakePrometheus, Reply, Warnings


@pytest.fixture
def client(fake_prometheus: FakePrometheus) -> Iterator[PrometheusClient]:
    settings = PrometheusSettings(url=fake_prometheus.url, backend="prometheus")
    with closing(PrometheusClient(settings, deadline_seconds=5)) as made:
        yield made


def test_a_vector_with_every_spelling_of_a_number(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer(
        "temp",
        [
            ({"gpu": "0"}, 61.5),
            ({"gpu": "1"}, math.nan),
            ({"gpu": "2"}, math.inf),
            ({"gpu": "3"}, -math.inf),
            {"metric": {"gpu": "4"}, "histogram": [1, {"count": "3"}]},
        ],
    )
    vector = client.query("temp", 1000.25)
    assert [labels["gpu"] for labels, _ in vector] == ["0", "1", "2", "3"]
    values = [value for _, value in vector]
    assert values[0] == 61.5
    assert math.isnan(values[1])
    assert values[2:] == [math.inf, -math.inf]
    assert vector.warnings == ()


def test_an_instant_query_is_a_form_by_post(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    client.query('up{a="ü"}', 1000.25)
    (request,) = fake_prometheus.requests
    assert (request.verb, request.path) == ("POST", "/api/v1/query")
    assert request.query == {}
    assert request.form["query"] == 'up{a="ü"}'
    assert request.form["time"] == "1000.250"
    assert 1 <= float(request.form["timeout"]) <= 5
    assert set(request.form) == {"query", "time", "timeout"}


def test_a_scalar_is_a_vector_of_one(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer("x", {"resultType": "scalar", "result": [1, "2.5"]})
    assert client.query("x", 1) == [({}, 2.5)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"resultType": "string", "result": [1, "a"]}, "x: answered a string"),
        ({"resultType": "matrix", "result": []}, "x: answered a matrix"),
        ({"resultType": "<b>", "result": []}, "x: answered a something"),
        ({"resultType": "vector"}, "x: answer is not what"),
        ({"resultType": "vector", "result": [{"value": [1, "1"]}]}, "x: answer is"),
        (
            {"resultType": "vector", "result": [{"metric": {}, "value": [1, "a"]}]},
            "x: answer is",
        ),
        ({"resultType": "vector", "result": ["a"]}, "x: answer is not what"),
    ],
)
def test_other_answers_are_errors(
    fake_prometheus: FakePrometheus,
    client: PrometheusClient,
    data: dict[str, object],
    reason: str,
) -> None:
    fake_prometheus.answer("x", data)
    with pytest.raises(SourceError) as caught:
        client.query("x", 1)
    assert str(caught.value).startswith(reason)


def test_a_range(fake_prometheus: FakePrometheus, client: PrometheusClient) -> None:
    fake_prometheus.answer("temp", lambda at: [({"gpu": "0"}, at / 10)])
    assert client.query_range("temp", 100, 130, 15) == [
        ({"gpu": "0"}, [(100.0, 10.0), (115.0, 11.5), (130.0, 13.0)])
    ]
    form = fake_prometheus.requests[-1].form
    assert (form["start"], form["end"], form["step"]) == (
        "100.000",
        "130.000",
        "15.000",
    )


def test_a_range_must_be_a_matrix(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer("x", {"resultType": "vector", "result": []})
    with pytest.raises(SourceError, match="x: answered a vector; expected a matrix"):
        client.query_range("x", 0, 1, 1)


def test_names_clock_and_build(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.label_values["__name__"] = ["up", "temp", "up"]
    fake_prometheus.answer("time()", {"resultType": "scalar", "result": [7, "7.5"]})
    build = {"status": "success", "data": {"version": "2.42.0", "odd": {"a": 1}}}
    fake_prometheus.pages["/api/v1/status/buildinfo"] = Reply.of_json(build)
    assert client.metric_names() == {"up", "temp"}
    assert client.server_time() == 7.5
    assert "time" not in fake_prometheus.requests[-1].form
    assert client.build() == {"version": "2.42.0"}
    del fake_prometheus.pages["/api/v1/status/buildinfo"]
    assert client.build() == {}


def test_a_clock_that_says_nothing_is_an_error(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer("time()", [])
    with pytest.raises(SourceError, match="server clock: time"):
        client.server_time()


def test_harmless_warnings_are_passed_on_in_one_line(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    said = "PromQL info: metric might\nnot be a counter"
    fake_prometheus.fail_next("query", Warnings([said]))
    vector = client.query("up", 1)
    assert vector.warnings == ("PromQL info: metric might not be a counter",)


def test_one_connection_serves_many_queries(client: PrometheusClient) -> None:
    for _ in range(3):
        client.query("up", 1)
    pool = client._session.get_adapter("http://").poolmanager  # type: ignore[attr-defined]
    (key,) = pool.pools.keys()
    assert pool.pools[key].num_connections == 1


def test_several_threads_share_a_client(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    fake_prometheus.answer("q", lambda at: [({}, at)])
    found: dict[int, float] = {}

    def ask(number: int) -> None:
        found[number] = client.query("q", number)[0][1]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: float(number) for number in range(12)}


def test_a_large_answer_comes_whole_and_leaves_the_collector_on(
    fake_prometheus: FakePrometheus, client: PrometheusClient
) -> None:
    samples = [({"uuid": f"GPU-{i:032d}"}, i) for i in range(20_000)]
    fake_prometheus.answer("big", samples)
    vector = client.query("big", 1)
    assert len(vector) == 20_000
    assert vector[-1] == ({"uuid": f"GPU-{19_999:032d}"}, 19_999.0)
    assert gc.isenabled()
