"""What a scenario yields: readings of the whole fleet, and what is true of them."""

from __future__ import annotations

from dataclasses import dataclass

from gpuwatch.sim.hardware import Bools, Floats, Ints


@dataclass(frozen=True)
class Truth:
    """One fault as a person would name it.

    Args:
        kind: the fault's kind, of a group fault the group's.
        node: the culprit; "" = the whole job or cluster.
        gpu: None = the whole node.
        onset_seconds, end_seconds: None = it stays until the scenario ends.
        nodes: every node of a group fault.
        visible_to_expert: bits, listed XIDs, absent targets and error counters, as far
            as the scenario's CSV exports them, would show it to hand-written rules.
    """

    kind: str
    node: str
    gpu: int | None
    onset_seconds: float
    end_seconds: float | None = None
    nodes: tuple[str, ...] = ()
    visible_to_expert: bool = True


@dataclass(frozen=True)
class Shown:
    """An XID on a page: GPU row, code, count in the exporter's window (NaN: none)."""

    row: int
    code: int
    count: float


@dataclass(frozen=True)
class Tick:
    """What one scrape of everything would see.

    Args:
        at_seconds: since the scenario's start.
        values: literal DCGM 4.4 name to float64[gpus]; NaN = not exported.
        present: GPUs whose series this scrape brought.
        exporter_up, node_exporter_up: float64[nodes], 1, 0, or NaN while Prometheus
            is down.
        node_values: literal node_exporter name to float64[nodes]; boot times are
            seconds since the scenario's start.
        port_values: likewise float64[nodes, ports]; port k is `mlx5_k`, beside GPU k.
        xids: what the XID series show.
        throughput: tokens a second of every training job that is running.
        job_of: the index in `Scenario.jobs` of whoever holds a GPU, -1 = idle.
    """

    at_seconds: float
    values: dict[str, Floats]
    present: Bools
    exporter_up: Floats
    node_exporter_up: Floats
    node_values: dict[str, Floats]
    port_values: dict[str, Floats]
    xids: tuple[Shown, ...]
    job_of: Ints
    throughput: dict[str, float]
