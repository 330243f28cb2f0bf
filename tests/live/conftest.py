"""A site for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gpuwatch.testing import claimed_port, prometheus_available
from tests.live.site import Daemon, Site, site_of


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Six nodes of all three naming generations; the daemon is configured, not run."""
    if not prometheus_available():
        pytest.skip("Prometheus is not installed (Debian: prometheus)")
    mixed = {0: "legacy", 1: "legacy", 2: "current", 3: "next", 4: "next"}
    with site_of(tmp_path, generations=mixed) as made:
        yield made


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon alone, not configured; it is ended after the test."""
    with claimed_port() as port:
        made = Daemon(tmp_path, port)
        yield made
        made.stop()
