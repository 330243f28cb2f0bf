"""Reads the nodes' network ports from node_exporter's infiniband collector.

It counts RoCE ports too. What each port carries is one query; whether ports are
siblings is looked up in the past now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpuwatch.sources.blocks import Block, Flags, Labels, Matrix, scatter_max
from gpuwatch.sources.hosts import NodeFinder
from gpuwatch.sources.prometheus.asking import Asker
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.rails import (
    DEVICE,
    PORT,
    Ports,
    number_of,
    siblings_by_past,
    slowest,
)

SENT = "node_infiniband_port_data_transmitted_bytes_total"
LINE = "node_infiniband_rate_bytes_per_second"
STATE = "node_infiniband_state_id"
RATE_WINDOW = "2m"
# Stretches of one hour in which ports are looked at for being siblings.
PAST = (("15m", "75m"), ("1d", "25h"))
PAST_SECONDS = 3600.0
ACTIVE = 4
AGO = ("10m", "2h", "1d")
SELDOM_CYCLES = 20
SHARE, SLOWEST = "rail_share_ratio", "slowest_rail_number"
DOWN, DOWN_NUMBER = "rails_down_count", "down_rail_number"


@dataclass
class RailMemory:
    """The ports of last time, and who was a sibling when last looked at.

    100,000 ports are a second's work to place; they hardly ever change.
    """

    labels: Sequence[Labels] = ()
    placed: tuple[Ports, Flags] | None = None
    age_cycles: int = SELDOM_CYCLES

    def is_of(self, labels: Sequence[Labels], nodes: int) -> bool:
        """Whether these very ports were placed lately."""
        if self.placed is None or len(self.placed[0].series) != nodes:
            return False
        return self.age_cycles < SELDOM_CYCLES and self.labels == labels


class RailReader:
    """Node columns about network ports; each raises SourceError if its query failed."""

    def __init__(
        self,
        asker: Asker,
        labels: Sequence[str],
        finder: Callable[[], NodeFinder],
        nodes: int,
        memory: RailMemory,
    ) -> None:
        self._asker, self._finder, self._nodes = asker, finder, nodes
        self._by = ", ".join((*labels, DEVICE, PORT))
        self._by_node = ", ".join(labels)
        self._memory = memory
        self._numbers: dict[str, Matrix] = {}

    def columns(self, names: NameBook) -> Mapping[str, Callable[[], Matrix]]:
        """Those that this server can fill, in the order to be called."""
        mine: dict[str, Callable[[], Matrix]] = {}
        if names.has(SENT) and names.has(LINE):
            mine[SHARE] = self._share
            mine[SLOWEST] = lambda: self._numbers.get(SHARE, self._nothing())
        if names.has(STATE):
            mine[DOWN] = self._down
            mine[DOWN_NUMBER] = lambda: self._numbers.get(DOWN, self._nothing())
        return mine

    def _nothing(self) -> Matrix:
        return np.full((len(self._asker.times), self._nodes), np.nan)

    def _share(self) -> Matrix:
        line = f"({LINE} > 0)"
        expr = f"max by ({self._by}) (rate({SENT}[{RATE_WINDOW}]) / {line})"
        block = self._asker.ask(expr, SHARE)
        ports, past = self._placed(block)
        found = [
            slowest(ports, values, _at(past, step))
            for step, values in enumerate(block.values)
        ]
        self._numbers[SHARE] = np.array([number for _, number in found])
        return np.array([share for share, _ in found])

    def _placed(self, block: Block) -> tuple[Ports, Flags]:
        """The ports, and who are siblings by the past, bool[steps or 1, nodes, width].

        A reading of one time looks at the past now and then.
        """
        memory = self._memory
        memory.age_cycles += 1
        before = memory.placed
        same = len(block.values) == 1 and memory.is_of(block.labels, self._nodes)
        if before is not None and same:
            return before
        finder = self._finder()
        rows = np.array([finder.row(one) for one in block.labels], np.int64)
        ports = Ports.of(block.labels, rows, self._nodes)
        alike = np.zeros((len(block.values), *ports.series.shape), bool)
        for end, start in PAST:
            alike |= self._alike(block, ports, end, start)
        memory.labels, memory.age_cycles = block.labels, 0
        memory.placed = ports, alike[-1:]
        return ports, alike

    def _alike(self, block: Block, ports: Ports, end: str, start: str) -> Flags:
        carried = f"({SENT} offset {end} - {SENT} offset {start})"
        expr = f"max by ({self._by}) ({carried} / ({LINE} > 0)) / {PAST_SECONDS:g}"
        past = self._asker.seldom(expr, SHARE)
        place = {frozenset(one.items()): i for i, one in enumerate(past.labels)}
        order = [place.get(frozenset(one.items()), -1) for one in block.labels]
        gap = np.full((len(past.values), 1), np.nan)
        lined_up = np.append(past.values, gap, axis=1)[:, order]
        return np.array([siblings_by_past(ports, values) for values in lined_up])

    def _down(self) -> Matrix:
        """Ports that are not active, though they were, or though most namesakes are."""
        here = self._asker.ask(f"count by ({self._by_node}) ({STATE})", DOWN)
        finder = self._finder()
        known = finder.column(here)
        block = self._asker.ask(f"max by ({self._by}) ({_lost_ports()})", DOWN)
        counts = np.zeros_like(known)
        self._numbers[DOWN] = self._nothing()
        for one, values in zip(block.labels, block.values.T, strict=True):
            row = finder.row(one)
            if row >= 0:
                counts[:, row] += ~np.isnan(values)
                self._note(row, number_of(one.get(DEVICE, "")), values)
        return np.where(np.isnan(known), np.nan, counts)

    def _note(self, row: int, number: float, values: Matrix) -> None:
        numbers = np.where(np.isnan(values), np.nan, number)[:, None]
        scatter_max(self._numbers[DOWN], np.array([row]), numbers)


def _lost_ports() -> str:
    """Unused ports are down on every node, and always were."""
    was = " or ".join(f"{STATE} offset {ago} == {ACTIVE}" for ago in AGO)
    by = f"by ({DEVICE}, {PORT}) "
    most = f"quantile {by}(0.5, {STATE}) == {ACTIVE} and count {by}({STATE}) >= 4"
    down = f"{STATE} != {ACTIVE}"
    return f"({down} and ({was})) or ({down} and on ({DEVICE}, {PORT}) ({most}))"


def _at(flags: Flags, step: int) -> Flags:
    """The flags of a step, where they are not the same for all."""
    found: Flags = flags[step if len(flags) > 1 else 0]
    return found
