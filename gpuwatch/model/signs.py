"""Signs of life node by node: who answers Prometheus, and with how many GPUs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Read, Window

BOOT_GRACE_SECONDS = 600.0
SIGN_READS = (
    Read("exporter_up", required=False),
    Read("node_exporter_up", required=False),
    Read("power_watts", required=False),
    Read("energy_joules", required=False),
    Read("gpu_temperature_celsius", required=False),
)
_SIGNS = ("power_watts", "energy_joules", "gpu_temperature_celsius")


@dataclass(frozen=True)
class Signs:
    """One cycle's signs of life, arrays over nodes.

    Args:
        exporter_up, node_exporter_up: 1, 0, NaN = no such target.
        rows: all GPU rows; `gpus`: those in service.
        present: those with a live series.
        reading: some GPU shows power, energy or temperature.
        anybody: Prometheus sees at least one exporter or GPU somewhere; without it
            the trouble is Prometheus, not the nodes.
    """

    exporter_up: Column
    node_exporter_up: Column
    rows: NDArray[np.int64]
    gpus: NDArray[np.int64]
    present: NDArray[np.int64]
    reading: Mask
    anybody: bool

    @property
    def retired(self) -> Mask:
        """Nodes all of whose GPUs were taken out of service, one by one."""
        retired: Mask = (self.rows > 0) & (self.gpus == 0)
        return retired

    @property
    def answers(self) -> Mask:
        """The exporter gives readings, or at least an answer."""
        answers: Mask = (self.exporter_up == 1) | self.reading
        return answers


def signs_of_life(window: Window) -> Signs:
    """What every node shows in this cycle."""
    now = window.now
    node_of, nodes = now.fleet.node_of[: now.rows], len(now.fleet.nodes)
    in_service = now.fleet.in_service[: now.rows]
    read = np.zeros(now.rows, bool)
    for metric in _SIGNS:
        read |= ~np.isnan(window.get(metric))
    alive = in_service & now.present
    reading = np.bincount(node_of[alive & read], minlength=nodes) > 0
    up = now.node_column("exporter_up")
    return Signs(
        exporter_up=up,
        node_exporter_up=now.node_column("node_exporter_up"),
        rows=np.bincount(node_of, minlength=nodes),
        gpus=np.bincount(node_of[in_service], minlength=nodes),
        present=np.bincount(node_of[alive], minlength=nodes),
        reading=reading,
        anybody=bool(reading.any() or (~np.isnan(up)).any()),
    )


def booting(window: Window) -> Mask:
    """Nodes that booted, or had a driver reset, within ten minutes, bool[nodes]."""
    nodes = len(window.now.fleet.nodes)
    if window.booted_at is None:
        return np.zeros(nodes, bool)
    booting: Mask = window.now.at - window.booted_at[:nodes] < BOOT_GRACE_SECONDS
    return booting
