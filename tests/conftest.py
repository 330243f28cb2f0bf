"""Fixtures that every room's tests may use: real servers on loopback ports."""

from collections.abc import Iterator

import pytest

from gpuwatch.testing import FakePrometheus, FakeSlack, claimed_port

pytest.register_assert_rewrite("tests.rules.builders")


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    """A Slack workspace with the channel #gpu-alerts."""
    with FakeSlack() as slack:
        yield slack


@pytest.fixture
def fake_prometheus() -> Iterator[FakePrometheus]:
    """A Prometheus with scripted answers."""
    with FakePrometheus() as prometheus:
        yield prometheus


@pytest.fixture
def free_port() -> Iterator[int]:
    """A loopback port that nothing else gets while the test runs."""
    with claimed_port() as port:
        yield port
