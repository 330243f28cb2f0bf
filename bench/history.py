"""OpenMetrics text of a healthy fleet of any size, for promtool to make blocks of.

Every series that a full exporter shows, with all its labels, so that Prometheus has
the real amount of work. Values are plausible and steady; energy counts up.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

STEP_SECONDS = 15
# name, healthy value, spread, whether it is a counter
DENSE = (
    ("DCGM_FI_DEV_GPU_TEMP", 62, 6),
    ("DCGM_FI_DEV_MEMORY_TEMP", 78, 6),
    ("DCGM_FI_DEV_SM_CLOCK", 1755, 60),
    ("DCGM_FI_DEV_POWER_USAGE", 690, 8),
    ("DCGM_FI_DEV_GPU_UTIL", 100, 0),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", 60, 6),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.52, 0.01),
    ("DCGM_FI_PROF_DRAM_ACTIVE", 0.41, 0.01),
    ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.99, 0.005),
    ("DCGM_FI_DEV_CLOCK_THROTTLE_REASONS", 4, 0),
    ("DCGM_FI_DEV_GPU_TEMP_LIMIT", 25, 5),
    ("DCGM_FI_DEV_THERMAL_VIOLATION", 0, 0),
    ("DCGM_FI_DEV_POWER_VIOLATION", 9e12, 1e10),
)
STEADY = (
    ("DCGM_FI_DEV_SLOWDOWN_TEMP", 89),
    ("DCGM_FI_DEV_GPU_MAX_OP_TEMP", 87),
    ("DCGM_FI_DEV_MEM_MAX_OP_TEMP", 95),
    ("DCGM_FI_DEV_MAX_SM_CLOCK", 1980),
    ("DCGM_FI_DEV_ENFORCED_POWER_LIMIT", 700),
    ("DCGM_FI_DEV_PCIE_LINK_GEN", 5),
    ("DCGM_FI_DEV_PCIE_LINK_WIDTH", 16),
    ("DCGM_FI_DEV_PCIE_MAX_LINK_GEN", 5),
    ("DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH", 16),
)
ZERO = (
    "DCGM_FI_DEV_XID_ERRORS",
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
    "DCGM_FI_DEV_ROW_REMAP_PENDING",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE",
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
    "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
    "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
)


def labels_of(gpu: int) -> str:
    """The exporter's labels, and those that Prometheus adds."""
    node, slot = divmod(gpu, 8)
    name = f"node-{node:05d}"
    uuid = f"GPU-{gpu:08x}-6e1e-2b8c-0108-3d370e5f0418"
    return (
        f'gpu="{slot}",UUID="{uuid}",pci_bus_id="00000000:{slot:02X}:00.0",'
        f'device="nvidia{slot}",modelName="NVIDIA H100 80GB HBM3",Hostname="{name}",'
        f'DCGM_FI_DRIVER_VERSION="550.144.03",hpc_job="{4211 + node // 48}",'
        f'instance="{name}:9400",job="dcgm"'
    )


def _dense(gpus: int, times: list[int], noise: random.Random) -> Iterator[str]:
    for name, middle, spread in DENSE:
        for gpu in range(gpus):
            labels = labels_of(gpu)
            for at in times:
                value = middle + noise.uniform(-spread, spread)
                yield f"{name}{{{labels}}} {value:.6g} {at}\n"


def _steady(gpus: int, times: list[int]) -> Iterator[str]:
    pairs = [*STEADY, *((name, 0) for name in ZERO)]
    for name, value in pairs:
        for gpu in range(gpus):
            labels = labels_of(gpu)
            for at in times:
                yield f"{name}{{{labels}}} {value} {at}\n"


def _energy(gpus: int, times: list[int]) -> Iterator[str]:
    for gpu in range(gpus):
        labels = labels_of(gpu)
        for at in times:
            joules = (at % 10_000_000) * 690_000 + gpu
            yield f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{{labels}}} {joules} {at}\n"


def _nodes(gpus: int, times: list[int]) -> Iterator[str]:
    for node in range((gpus + 7) // 8):
        name = f"node-{node:05d}"
        for at in times:
            yield f'up{{instance="{name}:9400",job="dcgm"}} 1 {at}\n'
            yield f'up{{instance="{name}:9100",job="node"}} 1 {at}\n'
            boot = 1_700_000_000
            where = f'instance="{name}:9100",job="node"'
            yield f"node_boot_time_seconds{{{where}}} {boot} {at}\n"


def write_history(path: Path, gpus: int, end: int, samples: int) -> None:
    """`samples` samples, 15 s apart, the last at `end` (Unix seconds)."""
    times = [end - STEP_SECONDS * back for back in reversed(range(samples))]
    noise = random.Random(7)
    with path.open("w", buffering=1 << 20) as file:
        file.writelines(_dense(gpus, times, noise))
        file.writelines(_energy(gpus, times))
        file.writelines(_steady(gpus, times))
        file.writelines(_nodes(gpus, times))
        file.write("# EOF\n")
