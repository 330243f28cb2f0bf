"""From what the GPUs do to the columns that the exporters collect."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.afflictions import SW_THERMAL
from gpuwatch.sim.effects import HW_BRAKE, HW_THERMAL
from gpuwatch.sim.hardware import Floats
from gpuwatch.sim.impact import Impact
from gpuwatch.sim.ledger import Ledger
from gpuwatch.sim.phases import IDLE
from gpuwatch.sim.physics import POWER_CAP
from gpuwatch.sim.readings import (
    GPU_MAX_OP_CELSIUS,
    JOB_SHARE_OF_MEMORY,
    MEMORY_MAX_OP_CELSIUS,
    RESERVED_MIB,
    SHUTDOWN_CELSIUS,
    SLOWDOWN_CELSIUS,
)
from gpuwatch.sim.sheet import Doing
from gpuwatch.sim.silicon import Site

MEM_COPY_PER_DRAM = 1.05
_ERRORS = (
    ("nvlink_crc_flit", "nvlink_rate", 1.0),
    ("nvlink_crc_data", "nvlink_rate", 0.5),
    ("nvlink_replay", "nvlink_rate", 0.25),
    ("nvlink_recovery", "nvlink_rate", 0.02),
    ("pcie_replays", "replay_rate", 1.0),
    ("pcie_correctable", "replay_rate", 1.0),
    ("sbe_volatile", "sbe_rate", 1.0),
    ("sbe_aggregate", "sbe_rate", 1.0),
)


def accrue(ledger: Ledger, doing: Doing, impact: Impact, dt_seconds: float) -> None:
    """Add what dt seconds of this have cost to the counters."""
    total = ledger.total
    total["energy_mj"] += doing.watts * dt_seconds * 1e3
    capped = 0.9 * ((doing.bits & POWER_CAP) != 0)
    shares = {
        "power_ns": capped + 0.1 * impact.brake_share,
        "thermal_ns": impact.heat_share,
        "sw_power_cap_ns": capped,
        "sw_thermal_ns": impact.heat_share * ((impact.bits & SW_THERMAL) != 0),
        "hw_thermal_ns": impact.heat_share * ((impact.bits & HW_THERMAL) != 0),
        "hw_brake_ns": impact.brake_share * ((impact.bits & HW_BRAKE) != 0),
    }
    for name, share in shares.items():
        total[name] += share * dt_seconds * 1e9
    for name, rate_name, weight in _ERRORS:
        rate = getattr(impact, rate_name)
        if rate.any():
            total[name] += ledger.rng.poisson(rate * weight * dt_seconds)


@dataclass
class Panel:
    """The columns by key of `fields`, one value a GPU; what never changes is shared."""

    site: Site
    rng: np.random.Generator
    fixed: dict[str, Floats] = field(init=False)

    def __post_init__(self) -> None:
        part, cap = self.site.part, self.site.cap_watts
        values = {
            "max_sm_clock": part.max_clock_mhz,
            "max_memory_clock": part.memory_clock_mhz,
            "memory_max_op_temp": MEMORY_MAX_OP_CELSIUS,
            "gpu_max_op_temp": GPU_MAX_OP_CELSIUS,
            "slowdown_temp": SLOWDOWN_CELSIUS,
            "shutdown_temp": SHUTDOWN_CELSIUS,
            "power_limit": cap,
            "power_limit_enforced": cap,
            "pcie_max_gen": 5.0,
            "pcie_max_width": 16.0,
            "enc_util": 0.0,
            "dec_util": 0.0,
            "vgpu_licence": 0.0,
            "fb_reserved": RESERVED_MIB,
            "fb_capacity": part.memory_mib,
        }
        count = len(self.site.silicon.slot)
        self.fixed = {name: np.full(count, float(v)) for name, v in values.items()}

    def read(
        self, ledger: Ledger, doing: Doing, impact: Impact, celsius: Floats
    ) -> dict[str, Floats]:
        """All columns now; counters are copies."""
        columns = dict(self.fixed)
        columns |= {name: total.copy() for name, total in ledger.total.items()}
        columns |= self._sensors(doing, impact, celsius)
        return columns | self._activity(doing, impact)

    def _sensors(
        self, doing: Doing, impact: Impact, celsius: Floats
    ) -> dict[str, Floats]:
        part, rounded = self.site.part, np.rint(celsius)
        margin = GPU_MAX_OP_CELSIUS - rounded
        gen = np.where(doing.now == IDLE, 1.0, 5.0)
        memory = part.memory_clock_mhz * impact.memory_clock
        return {
            "sm_clock": doing.clock_mhz,
            "memory_clock": memory.round(),
            "reasons": doing.bits.astype(np.float64),
            "gpu_temp": rounded,
            "memory_temp": np.rint(celsius + 4 + 6 * doing.rate),
            "temp_margin": margin if part.has_margin else np.full_like(margin, np.nan),
            "power": doing.gauge_watts.round(3),
            "pcie_gen": np.minimum(gen, impact.link_gen),
            "pcie_width": np.minimum(16.0, impact.link_width),
        }

    def _activity(self, doing: Doing, impact: Impact) -> dict[str, Floats]:
        meters = doing.meters
        # The same bytes need more of the slower memory's cycles.
        dram = (meters["dram"] * impact.memory).clip(0, 0.98)
        total = self.site.part.memory_mib - RESERVED_MIB
        used = np.where(doing.in_job, np.rint(total * JOB_SHARE_OF_MEMORY), 0.0)
        return {
            "gpu_util": np.rint(meters["util"]),
            "mem_copy_util": np.rint(100 * MEM_COPY_PER_DRAM * dram).clip(0, 100),
            "engine_active": meters["engine"].clip(0, 1),
            "sm_active": meters["sm"].clip(0, 1),
            "tensor_active": meters["tensor"].clip(0, 1),
            "dram_active": dram.clip(0, 1),
            "pcie_tx": np.rint(meters["pcie"]),
            "pcie_rx": np.rint(0.8 * meters["pcie"]),
            "nvlink_mb": np.rint(meters["nvlink"]),
            "fb_used": used,
            "fb_free": total - used,
        }
