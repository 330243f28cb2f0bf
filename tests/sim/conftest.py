import re
from collections.abc import Callable
from typing import TypeAlias

import pytest

from gpuwatch.sim.fleet import SimFleet

Page: TypeAlias = dict[str, dict[int, float]]
Look: TypeAlias = Callable[[SimFleet, str], Page]

# prometheus_client would append _total to the name of every counter.
SAMPLE = re.compile(r'^(\w+)\{gpu="(\d+)",.*\} (\S+)$', re.MULTILINE)


@pytest.fixture
def look() -> Look:
    """Reads a node's page: metric name, then GPU index, to value."""

    def read(fleet: SimFleet, node: str) -> Page:
        page: Page = {}
        text = fleet.render(fleet.node_names.index(node))
        for name, gpu, value in SAMPLE.findall(text):
            page.setdefault(name, {})[int(gpu)] = float(value)
        return page

    return read
