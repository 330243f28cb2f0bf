"""From the physics to the columns that an exporter collects, one value a GPU."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from gpuwatch.sim.effects import Effects
from gpuwatch.sim.hardware import Bools, Floats, Ints
from gpuwatch.sim.ledger import Ledger
from gpuwatch.sim.physics import (
    DRAM_ACTIVE,
    MEM_COPY_PERCENT,
    TENSOR_ACTIVE,
    Load,
    Machine,
    Shape,
)

GPU_MAX_OP_CELSIUS, MEMORY_MAX_OP_CELSIUS = 87.0, 95.0
SLOWDOWN_CELSIUS, SHUTDOWN_CELSIUS = 89.0, 95.0
NVLINK_MB_PER_SECOND, PCIE_BYTES_PER_SECOND = 110_000.0, 1.8e9
RESERVED_MIB, JOB_SHARE_OF_MEMORY = 551.0, 0.87
DIP_UTIL_PERCENT = 15.0


@dataclass(frozen=True)
class Readings:
    """What the exporters last collected; NaN is a field that a part does not have.

    A hidden GPU prints nothing but its XID series, a mute one not even that.
    """

    columns: dict[str, Floats]
    in_job: Bools
    hidden: Bools
    mute: Bools
    last_xid: Ints
    xid_counts: dict[int, Counter[int]]

    def thawed(self, fresh: Readings, frozen: Bools) -> Readings:
        """The fresh readings, but these where the exporter is frozen."""
        if not frozen.any():
            return fresh
        old_counts = {g: c for g, c in self.xid_counts.items() if frozen[g]}
        new_counts = {g: c for g, c in fresh.xid_counts.items() if not frozen[g]}
        columns = {
            key: np.where(frozen, self.columns[key], column)
            for key, column in fresh.columns.items()
        }
        return Readings(
            columns,
            np.where(frozen, self.in_job, fresh.in_job),
            np.where(frozen, self.hidden, fresh.hidden),
            np.where(frozen, self.mute, fresh.mute),
            np.where(frozen, self.last_xid, fresh.last_xid),
            old_counts | new_counts,
        )


def collect(
    machine: Machine, ledger: Ledger, load: Load, effects: Effects, now_seconds: float
) -> Readings:
    """Read every sensor and counter at one instant."""
    columns = {name: total.copy() for name, total in ledger.total.items()}
    columns |= _statics(machine)
    columns |= _sensors(machine, load)
    columns |= _activity(machine, load)
    columns |= _links(machine, load.shape, effects)
    return Readings(
        columns,
        load.shape.in_job,
        effects.hidden.copy(),
        effects.mute.copy(),
        ledger.last_xid.copy(),
        ledger.xid_counts(now_seconds),
    )


def _statics(machine: Machine) -> dict[str, Floats]:
    part = machine.part
    values = {
        "memory_clock": part.memory_clock_mhz,
        "max_sm_clock": part.max_clock_mhz,
        "max_memory_clock": part.memory_clock_mhz,
        "memory_max_op_temp": MEMORY_MAX_OP_CELSIUS,
        "gpu_max_op_temp": GPU_MAX_OP_CELSIUS,
        "slowdown_temp": SLOWDOWN_CELSIUS,
        "shutdown_temp": SHUTDOWN_CELSIUS,
        "power_limit": part.power_limit_watts,
        "power_limit_enforced": part.power_limit_watts,
        "pcie_max_gen": machine.silicon.pci_max_gen,
        "pcie_max_width": machine.silicon.pci_max_width,
        "enc_util": 0.0,
        "dec_util": 0.0,
        "vgpu_licence": 0.0,
        "fb_reserved": RESERVED_MIB,
        "fb_capacity": part.memory_mib,
    }
    count = len(machine.celsius)
    return {name: np.full(count, float(value)) for name, value in values.items()}


def _sensors(machine: Machine, load: Load) -> dict[str, Floats]:
    celsius = np.rint(machine.celsius)
    hotter = 4 + 8 * load.shape.rate
    margin = GPU_MAX_OP_CELSIUS - celsius
    return {
        "sm_clock": load.clock_mhz,
        "reasons": load.reasons.astype(np.float64),
        "gpu_temp": celsius,
        "memory_temp": np.rint(machine.celsius + hotter),
        "temp_margin": margin
        if machine.part.has_margin
        else np.full_like(margin, np.nan),
        "power": np.round(load.power_watts, 3),
    }


def _activity(machine: Machine, load: Load) -> dict[str, Floats]:
    shape, clock = load.shape, np.maximum(load.clock_mhz, 1.0)
    resident = (shape.working | shape.spinning).astype(np.float64)
    dipped = shape.dipped.astype(np.float64)
    per_cycle = shape.rate * machine.part.sustained_mhz / clock
    total = machine.part.memory_mib - RESERVED_MIB
    used = np.where(shape.in_job, np.rint(total * JOB_SHARE_OF_MEMORY), 0.0)
    wobble = 1 + machine.rng.normal(0, 0.008, len(clock))
    return {
        "gpu_util": np.rint(100 * resident + DIP_UTIL_PERCENT * dipped),
        "mem_copy_util": np.rint(MEM_COPY_PERCENT * shape.rate + 2 * dipped),
        "engine_active": 0.998 * resident + DIP_UTIL_PERCENT / 100 * dipped,
        "sm_active": 0.7 * shape.busy + 0.15 * (resident - shape.busy) + 0.02 * dipped,
        "tensor_active": TENSOR_ACTIVE * per_cycle * wobble,
        "dram_active": DRAM_ACTIVE * shape.rate * wobble + 0.01 * dipped,
        "fb_used": used,
        "fb_free": total - used,
    }


def _links(machine: Machine, shape: Shape, effects: Effects) -> dict[str, Floats]:
    silicon = machine.silicon
    # An idle link trains down to save power; only a loaded one shows its best.
    gen = np.where(shape.idle, 1.0, silicon.pci_max_gen)
    bytes_per_second = PCIE_BYTES_PER_SECOND * shape.rate + 2e5 * ~shape.idle
    return {
        "pcie_gen": np.minimum(gen, effects.link_gen),
        "pcie_width": np.minimum(silicon.pci_max_width, effects.link_width),
        "pcie_tx": np.rint(bytes_per_second),
        "pcie_rx": np.rint(0.8 * bytes_per_second),
        "nvlink_mb": np.rint(NVLINK_MB_PER_SECOND * shape.rate),
    }
