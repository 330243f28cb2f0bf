"""One real Prometheus with an hour of a small simulated fleet, for all tests here."""

from collections.abc import Iterator

import pytest

from gpuwatch.sim.backfill import backfill
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.fleet import SimFleet
from gpuwatch.testing import RealPrometheus, backfilled, prometheus_available

T0 = 1_790_000_000.0
STANDING, BROKE, MENDED, LAST = T0 + 900, T0 + 1800, T0 + 2400, T0 + 3600


@pytest.fixture(scope="session")
def past() -> Iterator[RealPrometheus]:
    """Healthy but for a GPU too hot from second 1800 to 2400: node-02's third."""
    if not prometheus_available():
        pytest.skip("needs prometheus and promtool")
    fleet = SimFleet(2, 4, job_nodes=[0, 1], collect_interval_seconds=15)
    first, last = BROKE - T0, MENDED - T0
    fault = Fault("thermal", "node-02", 3, start_seconds=first, end_seconds=last)
    fleet.add(fault)
    lines = backfill(fleet, start_seconds=T0, end_seconds=LAST, step_seconds=15)
    with backfilled("".join(lines), lookback=None) as prometheus:
        yield prometheus
