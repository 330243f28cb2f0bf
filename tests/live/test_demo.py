"""`gpuwatch demo`, as somebody tries it out."""

import signal
from collections.abc import Iterator

import pytest

from gpuwatch.testing import prometheus_available
from tests.live.process import Child
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture
def demo(request: pytest.FixtureRequest) -> Iterator[Child]:
    listen, fault = ("--listen", "127.0.0.1:0"), ("--fault", "power_brake:node-01@0")
    child = Child("demo", "--nodes", "2", *listen, *fault, *request.param)
    yield child
    child.kill()


def assert_tells_and_ends(demo: Child) -> None:
    eventually("the message", lambda: "HW power brake" in demo.said)
    assert demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.said
    assert "8 GPUs on node-01" in demo.said


@pytest.mark.skipif(not prometheus_available(), reason="no prometheus")
@pytest.mark.parametrize("demo", [()], indirect=True)
def test_with_a_real_prometheus(demo: Child) -> None:
    assert_tells_and_ends(demo)
    assert "A real Prometheus scrapes every second" in demo.said


@pytest.mark.parametrize("demo", [("--no-prometheus",)], indirect=True)
def test_without_a_prometheus(demo: Child) -> None:
    assert_tells_and_ends(demo)
    assert "Exporters are read directly" in demo.said


@pytest.mark.parametrize("demo", [("--no-prometheus",)], indirect=True)
def test_an_impatient_ctrl_c(demo: Child) -> None:
    """Before it has said a word, and again while it ends."""
    eventually("a sign of life", lambda: "simulated nodes" in demo.said)
    demo.send(signal.SIGINT)
    assert demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.said
