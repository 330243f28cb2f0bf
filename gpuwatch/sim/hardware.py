"""What a GPU is before it does anything: its part, its silicon and its identity."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LOTTERY_SIGMA = 0.018
LOTTERY_LIMIT = 0.04
DRIVER_VERSION = "580.105.08"


@dataclass(frozen=True)
class Part:
    """One product; figures from reference/dcgm.md section 10.

    `sustained_mhz` is the clock at which a training job meets the power limit: an
    assumption for Hopper and Ampere, the measured 55-62 % of the maximum for B200.
    """

    power_limit_watts: float
    max_clock_mhz: float
    sustained_mhz: float
    memory_clock_mhz: float
    idle_watts: float
    memory_mib: float
    has_margin: bool = True


_H100 = Part(700, 1980, 1740, 2619, 70, 81_559)
_PARTS = {
    "H200": Part(700, 1980, 1740, 3201, 75, 143_771),
    "B200": Part(1000, 1965, 1150, 3996, 190, 183_359),
    "A100": Part(400, 1410, 1275, 1593, 56, 81_920, has_margin=False),
}


def part_of(model: str) -> Part:
    """The part behind a model name; an unknown one behaves like an H100."""
    return next((part for word, part in _PARTS.items() if word in model), _H100)


@dataclass(frozen=True)
class Silicon:
    """What differs from GPU to GPU and never changes, one value a GPU.

    `slot` runs from 0 (cool) to 1 (hot) along the airflow; `idle_mhz` is 345, or the
    maximum on nodes that idle in P0.
    """

    lottery: Floats
    slot: Floats
    idle_watts: Floats
    idle_mhz: Floats
    pci_max_gen: int = 5
    pci_max_width: int = 16


def silicon(
    rng: np.random.Generator, part: Part, nodes: int, gpus_per_node: int
) -> Silicon:
    """Draw a fleet's silicon: a lottery of ±4 %, a slot spread, idle habits."""
    count = nodes * gpus_per_node
    limit = LOTTERY_LIMIT
    lottery = 1 + np.clip(rng.normal(0, LOTTERY_SIGMA, count), -limit, limit)
    slots = np.tile(np.linspace(0, 1, gpus_per_node), nodes)
    idles_in_p0 = np.repeat(rng.random(nodes) < 0.5, gpus_per_node)
    return Silicon(
        lottery=lottery,
        slot=np.clip(slots + rng.normal(0, 0.04, count), 0, 1),
        idle_watts=part.idle_watts * (1 + rng.uniform(-0.04, 0.04, count)),
        idle_mhz=np.where(idles_in_p0, part.max_clock_mhz, 345.0),
    )


@dataclass(frozen=True)
class Identity:
    """The names a GPU goes by on a page."""

    node: str
    index: int
    uuid: str
    pci_bus_id: str


def identities(seed: int, nodes: int, gpus_per_node: int) -> list[Identity]:
    """Every GPU of the fleet, node by node; the seed alone decides the UUIDs."""
    width = max(2, len(str(nodes)))
    return [
        Identity(
            node=f"node-{node + 1:0{width}d}",
            index=gpu,
            uuid=f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, f'{seed}/{node}/{gpu}')}",
            pci_bus_id=f"00000000:{0x53 + 0x11 * gpu & 0xFF:02X}:00.0",
        )
        for node in range(nodes)
        for gpu in range(gpus_per_node)
    ]
