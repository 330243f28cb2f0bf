"""One house a test, on a free port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.houses import House, built, served


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two nodes of eight GPUs in job 4211, polled once, served."""
    with built(tmp_path, job="4211") as house, served(house):
        yield house
