from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import catalogue
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.source import PrometheusSource
from gpuwatch.testing import backfilled, prometheus_available
from tests.sources.tape import LAST, Tape

EVERYTHING = Plan(metrics=dict.fromkeys(catalogue(), 0.0))


class Site:
    """A Prometheus with a tape in it, and one source that reads it."""

    def __init__(
        self, url: str, naming: Naming | None = None, most_values: int = 250_000
    ) -> None:
        settings = PrometheusSettings(url=url, backend="prometheus")
        self.client = PrometheusClient(settings, deadline_seconds=20)
        self.source = PrometheusSource(
            "test", self.client, naming, most_answer_values=most_values
        )
        self.fleet = Fleet("test")

    def read(self, at: float = LAST, plan: Plan = EVERYTHING) -> Snapshot:
        return self.source.read(plan, self.fleet, at)

    def history(self, start: float, end: float, step: float) -> list[Snapshot]:
        return list(self.source.history(EVERYTHING, self.fleet, start, end, step))


MakeSite = Callable[..., Site]


@contextmanager
def opened(
    url: str, naming: Naming | None = None, most_values: int = 250_000
) -> Iterator[Site]:
    site = Site(url, naming, most_values)
    try:
        yield site
    finally:
        site.source.close()


@pytest.fixture
def site() -> Iterator[MakeSite]:
    """Makes a site of a tape, on a real Prometheus with its default look-back."""
    if not prometheus_available():
        pytest.skip("needs prometheus and promtool")
    with ExitStack() as stack:

        def make(tape: Tape, naming: Naming | None = None) -> Site:
            served = stack.enter_context(backfilled(tape.text(), lookback=None))
            return stack.enter_context(opened(served.url, naming))

        yield make
