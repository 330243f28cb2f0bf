import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from gpuwatch.testing import (
    Dribble,
    ErrorAnswer,
    FakePrometheus,
    HangSeconds,
    Html,
    IsPartial,
    Reply,
    Reset,
    Truncated,
    Warnings,
)


def ask(
    prometheus: FakePrometheus, endpoint: str = "query", **form: object
) -> requests.Response:
    url = f"{prometheus.url}/api/v1/{endpoint}"
    return requests.post(url, {"query": "up", **form}, timeout=5)


def result(answer: requests.Response) -> Any:
    return answer.json()["data"]["result"]


def test_the_latest_fitting_script_answers_at_the_asked_time(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.answer("up", [({"node": "a"}, 1)])
    fake_prometheus.answer('up{job="x"', [({"node": "b"}, float("nan"))])
    assert result(ask(fake_prometheus, time=100.5)) == [
        {"metric": {"node": "a"}, "value": [100.5, "1"]}
    ]
    narrow = ask(fake_prometheus, query='up{job="x"}', time=1)
    assert result(narrow) == [{"metric": {"node": "b"}, "value": [1.0, "NaN"]}]
    assert result(ask(fake_prometheus, query="other")) == []
    assert fake_prometheus.queries == ["up", 'up{job="x"}', "other"]


def test_get_and_post_are_recorded_with_headers_and_form(
    fake_prometheus: FakePrometheus,
) -> None:
    requests.get(
        f"{fake_prometheus.url}/api/v1/query",
        {"query": "up"},
        headers={"X-Scope-OrgID": "t"},
        timeout=5,
    )
    ask(fake_prometheus)
    get, post = fake_prometheus.requests
    assert (get.verb, get.query["query"], get.form) == ("GET", "up", {})
    assert get.headers["X-Scope-OrgID"] == "t"
    assert (post.verb, post.form["query"], post.query) == ("POST", "up", {})


def test_a_range_repeats_the_vector_or_asks_a_function_of_time(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.answer("flat", [({}, 1)])
    fake_prometheus.answer("line", lambda at: [({}, at)] if at != 15 else [])
    window = {"start": 0, "end": 30, "step": "15s"}
    flat = ask(fake_prometheus, "query_range", query="flat", **window)
    line = ask(fake_prometheus, "query_range", query="line", **window)
    assert result(flat) == [
        {"metric": {}, "values": [[0.0, "1"], [15.0, "1"], [30.0, "1"]]}
    ]
    assert result(line) == [{"metric": {}, "values": [[0.0, "0"], [30.0, "30"]]}]


def test_raw_results_label_values_and_pages(fake_prometheus: FakePrometheus) -> None:
    scalar = {"resultType": "scalar", "result": [1, "2"]}
    fake_prometheus.answer("scalar", scalar)
    histogram = {"metric": {}, "histogram": [1, {"count": "1"}]}
    fake_prometheus.answer("native", [histogram])
    fake_prometheus.label_values["__name__"] = ["up"]
    fake_prometheus.pages["/-/ready"] = Reply(200, b"ready")
    assert ask(fake_prometheus, query="scalar").json()["data"] == scalar
    assert result(ask(fake_prometheus, query="native")) == [histogram]
    names = requests.get(
        f"{fake_prometheus.url}/api/v1/label/__name__/values", timeout=5
    )
    assert names.json() == {"status": "success", "data": ["up"]}
    assert requests.get(f"{fake_prometheus.url}/-/ready", timeout=5).text == "ready"
    assert requests.get(f"{fake_prometheus.url}/nope", timeout=5).status_code == 404
    assert ask(fake_prometheus, query="").json()["errorType"] == "bad_data"
    assert ask(fake_prometheus, "query_range").status_code == 400


def test_the_servers_clock_can_differ(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.clock_offset_seconds = -3600
    fake_prometheus.answer("up", [({}, 1)])
    answer = ask(fake_prometheus)
    behind = time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert behind == pytest.approx(3600, abs=60)
    assert result(answer)[0]["value"][0] == pytest.approx(time.time() - 3600, abs=60)


def test_half_truths_come_with_the_answer(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.answer("up", [({}, 1)])
    fake_prometheus.fail_next("query", Warnings(["store down"]), IsPartial())
    warned, partial = ask(fake_prometheus), ask(fake_prometheus)
    assert warned.json()["warnings"] == ["store down"]
    assert partial.json()["isPartial"] is True
    assert len(result(warned)) == len(result(partial)) == 1


def test_error_answers(fake_prometheus: FakePrometheus) -> None:
    error = ErrorAnswer(
        503, "timeout", "query timed out", data={"resultType": "vector"}
    )
    fake_prometheus.fail_next("query", error, Html(502))
    answer, page = ask(fake_prometheus), ask(fake_prometheus)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "error",
        "errorType": "timeout",
        "error": "query timed out",
        "data": {"resultType": "vector"},
    }
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")


def test_broken_answers(fake_prometheus: FakePrometheus) -> None:
    fake_prometheus.fail_next("query", Reset(), Truncated(), HangSeconds(60))
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        ask(fake_prometheus)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(fake_prometheus)
    with pytest.raises(requests.Timeout):
        requests.get(f"{fake_prometheus.url}/api/v1/query?query=up", timeout=0.2)


def test_a_dribble_comes_piecemeal_under_every_read_timeout(
    fake_prometheus: FakePrometheus,
) -> None:
    fake_prometheus.answer("up", [({"gpu": str(n)}, 1) for n in range(20)])
    fake_prometheus.fail_next("query", Dribble(10_000))
    url = f"{fake_prometheus.url}/api/v1/query?query=up"
    with requests.get(url, timeout=2, stream=True) as answer:
        pieces = list(answer.raw.stream(64))
    assert len(b"".join(pieces)) == int(answer.headers["Content-Length"])
    assert len(pieces) > 1


def test_a_slow_dribble_ends_with_the_server() -> None:
    with FakePrometheus() as prometheus:
        prometheus.always("query", Dribble(1))
        url = f"{prometheus.url}/api/v1/query?query=up"
        with requests.get(url, timeout=5, stream=True) as answer:
            assert answer.status_code == 200
            prometheus.stop()


def test_tls_is_trusted_with_its_ca_file_only() -> None:
    with FakePrometheus(tls=True) as prometheus:
        url = f"{prometheus.url}/api/v1/query?query=up"
        assert url.startswith("https://127.0.0.1:")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url, timeout=5)
        good = requests.get(url, timeout=5, verify=str(prometheus.ca_file))
        assert good.json()["status"] == "success"
        prometheus.fail_next("query", Truncated(), Reset())
        for _ in range(2):
            with pytest.raises(requests.RequestException):
                requests.get(url, timeout=5, verify=str(prometheus.ca_file))


def test_a_client_certificate_can_be_required() -> None:
    with FakePrometheus(client_certificate=True) as prometheus:
        url = f"{prometheus.url}/api/v1/query?query=up"
        own = prometheus.client_certificate
        assert own is not None
        pair = (str(own.cert_file), str(own.key_file))
        trust = str(prometheus.ca_file)
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=5, verify=trust)
        good = requests.get(url, timeout=5, verify=trust, cert=pair)
        assert good.status_code == 200


def test_ca_file_without_tls_says_what_is_missing(
    fake_prometheus: FakePrometheus,
) -> None:
    with pytest.raises(RuntimeError, match="tls=True"):
        _ = fake_prometheus.ca_file
