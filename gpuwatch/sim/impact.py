"""What the faults of a scenario do to each GPU, rail and node at one instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.sim.effects import Rows
from gpuwatch.sim.hardware import Bools, Floats, Ints

Places = slice | Ints


@dataclass
class Impact:
    """One value a GPU, or [nodes, rails], or [nodes] where the name says so.

    Args:
        limit: the clock at most, as a share of the job's usual one (inf: free).
        shown_limit: likewise, but only in the one sample that the gauge shows.
        cycles: the mean clock of the interval, as a share of the one it would have.
        pinned_celsius: what the sensor climbs to at least; NaN: nothing pins it.
        intensity: how much of its usual power the GPU draws while it works.
        heat_share, brake_share: of the interval spent throttled, for the counters.
        rise_celsius: on top of what power and slot explain.
        stall: time a step waits for its host, as a share of a healthy step.
        memory: how many times longer the memory-bound work takes.
        slower: how many times longer all the GPU's work takes, at its own clock.
        extra_comm: communication time that the whole job then waits for, likewise.
    """

    limit: Floats
    shown_limit: Floats
    cycles: Floats
    pinned_celsius: Floats
    intensity: Floats
    bits: Ints
    heat_share: Floats
    brake_share: Floats
    rise_celsius: Floats
    stall: Floats
    memory: Floats
    memory_clock: Floats
    slower: Floats
    extra_comm: Floats
    sbe_rate: Floats
    nvlink_rate: Floats
    replay_rate: Floats
    link_width: Floats
    link_gen: Floats
    stuck: Bools
    hidden: Bools
    mute: Bools
    rails: Floats
    rail_errors: Floats
    off: Bools
    frozen: Bools
    failing: Bools
    fans: Bools
    shape: tuple[int, int]

    def node_rows(self, rows: Places) -> Rows:
        """The rows of one node's GPUs, widened to the whole node."""
        first, last = _ends(rows)
        each = self.shape[1]
        return slice(first // each * each, (last // each + 1) * each)

    def nodes_of(self, rows: Places) -> Rows:
        """The nodes that these neighbouring GPU rows touch."""
        first, last = _ends(rows)
        each = self.shape[1]
        return slice(first // each, last // each + 1)

    def port(self, rows: Places) -> tuple[int, int]:
        """The node and the rail that belong to the first of these GPU rows."""
        return divmod(_ends(rows)[0], self.shape[1])


def _ends(rows: Places) -> tuple[int, int]:
    if isinstance(rows, slice):
        return int(rows.start), int(rows.stop) - 1
    return int(rows[0]), int(rows[-1])


def no_impact(nodes: int, gpus_per_node: int) -> Impact:
    """Everything in order."""
    shape = (nodes, gpus_per_node)
    count = nodes * gpus_per_node

    def filled(value: float) -> Floats:
        return np.full(count, float(value))

    def unset(size: int = count) -> Bools:
        return np.zeros(size, dtype=bool)

    return Impact(
        limit=filled(np.inf),
        shown_limit=filled(np.inf),
        cycles=filled(1),
        pinned_celsius=filled(np.nan),
        intensity=filled(1),
        bits=np.zeros(count, dtype=np.int64),
        heat_share=filled(0),
        brake_share=filled(0),
        rise_celsius=filled(0),
        stall=filled(0),
        memory=filled(1),
        memory_clock=filled(1),
        slower=filled(1),
        extra_comm=filled(0),
        sbe_rate=filled(0),
        nvlink_rate=filled(0),
        replay_rate=filled(0),
        link_width=filled(np.inf),
        link_gen=filled(np.inf),
        stuck=unset(),
        hidden=unset(),
        mute=unset(),
        rails=np.ones(shape),
        rail_errors=np.zeros(shape),
        off=unset(nodes),
        frozen=unset(nodes),
        failing=unset(nodes),
        fans=unset(nodes),
        shape=shape,
    )
