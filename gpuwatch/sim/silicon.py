"""What differs from GPU to GPU and node to node in a scenario, and never changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.sim.hardware import Floats, Part, Silicon

SLOT_SPREAD_CELSIUS = (12.0, 14.0)


@dataclass(frozen=True)
class Site:
    """The drawn hardware, one value a GPU (a node where said).

    `silicon.lottery` is the clock a GPU reaches under the cap, relative to the mean.
    """

    part: Part
    silicon: Silicon
    cap_watts: float
    sustained_mhz: float
    ambient_celsius: Floats
    slot_celsius: Floats
    watts_to_celsius: Floats
    rails: int
    scrape_phase: Floats


def draw_site(
    rng: np.random.Generator, part: Part, nodes: int, gpus_per_node: int
) -> Site:
    """Draw a site: lottery sd 2-2.5 % clipped at 6-8 %, slots 12-14 °C apart."""
    count = nodes * gpus_per_node
    limit = rng.uniform(0.06, 0.08)
    lottery = rng.normal(0, rng.uniform(0.02, 0.025), count).clip(-limit, limit)
    cap = part.power_limit_watts * float(rng.choice([5, 5.5, 6, 6.5, 7])) / 7
    slots = np.tile(rng.permutation(np.linspace(0, 1, gpus_per_node)), nodes)
    sustained = part.sustained_mhz * (cap / part.power_limit_watts) ** 0.4
    idles_in_p0 = np.repeat(rng.random(nodes) < 0.5, gpus_per_node)
    per_watt = rng.uniform(0.042, 0.055) * 700 / part.power_limit_watts
    silicon = Silicon(
        lottery=1 + lottery,
        slot=(slots + rng.normal(0, 0.05, count)).clip(0, 1),
        idle_watts=part.idle_watts * (1 + rng.uniform(-0.04, 0.04, count)),
        idle_mhz=np.where(idles_in_p0, part.max_clock_mhz, 345.0),
    )
    return Site(
        part=part,
        silicon=silicon,
        cap_watts=cap,
        sustained_mhz=sustained * rng.uniform(0.97, 1.03),
        ambient_celsius=np.repeat(rng.normal(26, 1.0, nodes), gpus_per_node),
        slot_celsius=silicon.slot * rng.uniform(*SLOT_SPREAD_CELSIUS),
        watts_to_celsius=per_watt * (1 + rng.normal(0, 0.03, count)),
        rails=gpus_per_node,
        scrape_phase=rng.uniform(0, 1, nodes),
    )
