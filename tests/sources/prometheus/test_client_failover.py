from collections.abc import Iterator
from contextlib import closing, contextmanager

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
    Reset,
    TimeoutBeforeAccept,
)


@pytest.fixture
def first() -> Iterator[FakePrometheus]:
    with FakePrometheus() as made:
        made.answer("who", [({"replica": "first"}, 1)])
        yield made


@pytest.fixture
def second() -> Iterator[FakePrometheus]:
    with FakePrometheus() as made:
        made.answer("who", [({"replica": "second"}, 1)])
        yield made


@contextmanager
def pair_of(
    first: FakePrometheus, second: FakePrometheus, retry_first_after: float = 3600
) -> Iterator[PrometheusClient]:
    settings = PrometheusSettings(
        urls=(first.url, second.url),
        backend="prometheus",
        retry_first_after=retry_first_after,
    )
    with closing(PrometheusClient(settings, deadline_seconds=10)) as client:
        yield client


def who(client: PrometheusClient) -> str:
    return client.query("who", 1)[0][0]["replica"]


def test_the_first_is_preferred(first: FakePrometheus, second: FakePrometheus) -> None:
    with pair_of(first, second) as client:
        assert [who(client), who(client)] == ["first", "first"]
    assert second.requests == []


@pytest.mark.parametrize(
    "fault", [Reset(), Html(502), HttpStatus(401), HttpStatus(404), HttpStatus(500)]
)
def test_the_second_takes_over_and_is_kept(
    first: FakePrometheus, second: FakePrometheus, fault: Fault
) -> None:
    first.fail_next("query", fault)
    with pair_of(first, second) as client:
        assert [who(client), who(client)] == ["second", "second"]
        client.begin_cycle()
        assert who(client) == "second"
    assert len(first.requests) == 1


def test_a_first_that_is_down(first: FakePrometheus, second: FakePrometheus) -> None:
    first.stop()
    with pair_of(first, second) as client:
        assert who(client) == "second"


def test_a_first_that_hangs_leaves_time_for_the_second(
    first: FakePrometheus, second: FakePrometheus
) -> None:
    first.always("query", TimeoutBeforeAccept())
    with pair_of(first, second) as client:
        client.begin_cycle(1.5)
        assert who(client) == "second"


def test_a_wrong_query_moves_nobody(
    first: FakePrometheus, second: FakePrometheus
) -> None:
    first.fail_next("query", ErrorAnswer(400, "bad_data", "parse error"))
    with pair_of(first, second) as client:
        with pytest.raises(SourceError, match="parse error"):
            client.query("who", 1)
        assert who(client) == "first"
    assert second.requests == []


def test_back_to_the_first_only_once_it_works_and_only_between_cycles(
    first: FakePrometheus, second: FakePrometheus
) -> None:
    first.always("query", HttpStatus(503))
    with pair_of(first, second, retry_first_after=1e-6) as client:
        client.begin_cycle()
        assert who(client) == "second"
        client.begin_cycle()
        assert who(client) == "second"
        first.always("query", None)
        assert who(client) == "second"
        client.begin_cycle()
        assert who(client) == "first"


def test_both_down_is_an_error(first: FakePrometheus, second: FakePrometheus) -> None:
    for server in (first, second):
        server.always("query", HttpStatus(503))
    with pair_of(first, second) as client, pytest.raises(SourceError, match="HTTP 503"):
        who(client)
    assert len(first.requests) + len(second.requests) == 3
