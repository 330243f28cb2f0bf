"""The fields an exporter prints: literal names by generation, types and help texts.

`legacy` is DCGM 3.3 (exporter 3.3.8-3.6.0), `current` DCGM 4.4 (4.7.0-4.8.2), `next`
DCGM 4.7 (4.9.0, base units). Where a 4.9.0 name was not obtained the old one stands:
framebuffer sizes stay in MiB, encoder and decoder in percent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Generation = Literal["legacy", "current", "next"]
Counters = Literal["full", "stock"]
GENERATIONS: tuple[Generation, ...] = get_args(Generation)
XID_KEY = "xid"
XID_COUNT_NAME = "DCGM_EXP_XID_ERRORS_COUNT"
XID_COUNT_HELP = "Count of XID Errors within user-specified time window"

_XID_TEXT = {
    0: "No Error",
    13: "Graphics Engine Exception",
    31: "GPU memory page fault",
    43: "GPU stopped processing",
    45: "Preemptive cleanup, due to previous errors -- Most likely to see when running "
    "multiple cuda",
    46: "GPU stopped processing",
    48: "Double Bit ECC Error",
    61: "Internal micro-controller breakpoint/warning",
    62: "Internal micro-controller halt",
    63: "ECC page retirement or row remapping recording event",
    64: "ECC page retirement or row remapper recording failure",
    74: "NVLINK Error",
    79: "GPU has fallen off the bus",
    92: "High single-bit ECC error rate",
    94: "Contained ECC error",
    95: "Uncontained ECC error",
    109: "Context Switch Timeout Error",
    119: "GSP RPC Timeout",
    120: "GSP Error",
    137: "NVLink Privilege Error",
    140: "Unrecovered ECC Error",
    143: "GPU Initialization Failure",
    149: "NVLINK: NETIR Error",
    154: "GPU Recovery Action Changed",
}


def xid_text(code: int) -> str:
    """The exporter's `err_msg`."""
    return _XID_TEXT.get(code, "Unknown Error")


@dataclass(frozen=True)
class Field:
    """One field in one generation; `scale` turns our unit into the page's."""

    key: str
    name: str
    kind: str
    help: str
    decimals: int
    scale: float = 1.0
    stock: bool = False

    def text(self, value: float) -> str:
        """The value as the exporter prints it: %d for integers, %f for doubles."""
        return f"{value * self.scale:.{self.decimals}f}"


# key, name without DCGM_FI_, kind (S = on in the stock CSV), decimals, help
_CURRENT = """
sm_clock|DEV_SM_CLOCK|gauge S|0|SM clock frequency (in MHz).
memory_clock|DEV_MEM_CLOCK|gauge S|0|Memory clock frequency (in MHz).
reasons|DEV_CLOCKS_EVENT_REASONS|gauge|0|Current clock event reasons (bitmask).
max_sm_clock|DEV_MAX_SM_CLOCK|gauge|0|Maximum supported SM clock (in MHz).
max_memory_clock|DEV_MAX_MEM_CLOCK|gauge|0|Maximum supported memory clock (in MHz).
memory_temp|DEV_MEMORY_TEMP|gauge S|0|Memory temperature (in C).
gpu_temp|DEV_GPU_TEMP|gauge S|0|GPU temperature (in C).
memory_max_op_temp|DEV_MEM_MAX_OP_TEMP|gauge|0|Maximum operating memory temp (in C).
gpu_max_op_temp|DEV_GPU_MAX_OP_TEMP|gauge|0|Maximum operating GPU temperature (in C).
temp_margin|DEV_GPU_TEMP_LIMIT|gauge|0|Thermal margin left before slowdown (in C).
power|DEV_POWER_USAGE|gauge S|6|Power draw (in W).
energy_mj|DEV_TOTAL_ENERGY_CONSUMPTION|counter S|0|Total energy consumption (in mJ).
slowdown_temp|DEV_SLOWDOWN_TEMP|gauge|0|Slowdown temperature (in C).
shutdown_temp|DEV_SHUTDOWN_TEMP|gauge|0|Shutdown temperature (in C).
power_limit|DEV_POWER_MGMT_LIMIT|gauge|6|Requested power limit (in W).
power_limit_enforced|DEV_ENFORCED_POWER_LIMIT|gauge|6|Effective power limit (in W).
pcie_replays|DEV_PCIE_REPLAY_COUNTER|counter S|0|Total number of PCIe retries.
gpu_util|DEV_GPU_UTIL|gauge S|0|GPU utilization (in %).
mem_copy_util|DEV_MEM_COPY_UTIL|gauge S|0|Memory utilization (in %).
enc_util|DEV_ENC_UTIL|gauge S|0|Encoder utilization (in %).
dec_util|DEV_DEC_UTIL|gauge S|0|Decoder utilization (in %).
xid|DEV_XID_ERRORS|gauge S|0|Value of the last XID error encountered.
pcie_max_gen|DEV_PCIE_MAX_LINK_GEN|gauge|0|Maximum PCIe link generation.
pcie_max_width|DEV_PCIE_MAX_LINK_WIDTH|gauge|0|Maximum PCIe link width.
pcie_gen|DEV_PCIE_LINK_GEN|gauge|0|Current PCIe link generation.
pcie_width|DEV_PCIE_LINK_WIDTH|gauge|0|Current PCIe link width.
power_ns|DEV_POWER_VIOLATION|counter|0|Throttling due to power constraints (in ns).
thermal_ns|DEV_THERMAL_VIOLATION|counter|0|Throttling due to heat (in ns).
sync_boost_ns|DEV_SYNC_BOOST_VIOLATION|counter|0|Throttling due to sync-boost (in ns).
fb_free|DEV_FB_FREE|gauge S|0|Framebuffer memory free (in MiB).
fb_used|DEV_FB_USED|gauge S|0|Framebuffer memory used (in MiB).
fb_reserved|DEV_FB_RESERVED|gauge S|0|Framebuffer memory reserved (in MiB).
sbe_volatile|DEV_ECC_SBE_VOL_TOTAL|counter|0|Single-bit volatile ECC errors.
dbe_volatile|DEV_ECC_DBE_VOL_TOTAL|counter|0|Double-bit volatile ECC errors.
sbe_aggregate|DEV_ECC_SBE_AGG_TOTAL|counter|0|Single-bit persistent ECC errors.
dbe_aggregate|DEV_ECC_DBE_AGG_TOTAL|counter|0|Double-bit persistent ECC errors.
rows_remapped_uncorrectable|DEV_UNCORRECTABLE_REMAPPED_ROWS|counter S|0|Rows remapped.
rows_remapped_correctable|DEV_CORRECTABLE_REMAPPED_ROWS|counter S|0|Rows remapped.
remap_failed|DEV_ROW_REMAP_FAILURE|gauge S|0|Whether remapping of rows has failed
remap_pending|DEV_ROW_REMAP_PENDING|gauge|0|Whether remapping of rows is pending
nvlink_crc_flit|DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL|counter|0|NVLink flow CRC errors.
nvlink_crc_data|DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL|counter|0|NVLink data CRC errors.
nvlink_replay|DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL|counter|0|NVLink retries.
nvlink_recovery|DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL|counter|0|NVLink recovery errors.
nvlink_mb|DEV_NVLINK_BANDWIDTH_TOTAL|counter S|0|NVLink bandwidth for all lanes.
vgpu_licence|DEV_VGPU_LICENSE_STATUS|gauge S|0|vGPU License status
engine_active|PROF_GR_ENGINE_ACTIVE|gauge S|6|Time the graphics engine is active.
sm_active|PROF_SM_ACTIVE|gauge|6|Cycles an SM has at least 1 warp assigned.
tensor_active|PROF_PIPE_TENSOR_ACTIVE|gauge S|6|Cycles the tensor pipe is active.
dram_active|PROF_DRAM_ACTIVE|gauge S|6|Cycles the memory interface is active.
pcie_tx|PROF_PCIE_TX_BYTES|gauge S|0|PCIe transmit rate in bytes per second.
pcie_rx|PROF_PCIE_RX_BYTES|gauge S|0|PCIe receive rate in bytes per second.
sw_power_cap_ns|DEV_CLOCKS_EVENT_REASON_SW_POWER_CAP_NS|counter|0|Time throttled (ns).
sw_thermal_ns|DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN_NS|counter|0|Throttled (ns).
hw_thermal_ns|DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN_NS|counter|0|Throttled (ns).
hw_brake_ns|DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS|counter|0|Braked (ns).
pcie_correctable|DEV_PCIE_COUNT_CORRECTABLE_ERRORS|counter|0|PCIe correctable errors.
recovery_action|DEV_GET_GPU_RECOVERY_ACTION|gauge|0|GPU recovery action.
"""

_LEGACY_NAMES = {"reasons": "DEV_CLOCK_THROTTLE_REASONS"}
_LEGACY_LACKS = (
    "recovery_action",
    "sw_power_cap_ns",
    "sw_thermal_ns",
    "hw_thermal_ns",
    "hw_brake_ns",
)

# key: name, scale, decimals
_NEXT: dict[str, tuple[str, float, int]] = {
    "sm_clock": ("DEV_SM_CLOCK_HERTZ", 1e6, 0),
    "memory_clock": ("DEV_MEMORY_CLOCK_HERTZ", 1e6, 0),
    "max_sm_clock": ("DEV_SM_MAX_CLOCK_HERTZ", 1e6, 0),
    "max_memory_clock": ("DEV_MEMORY_MAX_CLOCK_HERTZ", 1e6, 0),
    "memory_temp": ("DEV_MEMORY_TEMP_CELSIUS", 1, 0),
    "gpu_temp": ("DEV_GPU_TEMP_CELSIUS", 1, 0),
    "memory_max_op_temp": ("DEV_MEMORY_MAX_OP_TEMP_CELSIUS", 1, 0),
    "gpu_max_op_temp": ("DEV_GPU_MAX_OP_TEMP_CELSIUS", 1, 0),
    "temp_margin": ("DEV_GPU_TEMP_MARGIN_CELSIUS", 1, 0),
    "power": ("DEV_BOARD_POWER_WATTS", 1, 6),
    "energy_mj": ("DEV_GPU_ENERGY_JOULES_TOTAL", 1e-3, 6),
    "slowdown_temp": ("DEV_GPU_TEMP_SLOWDOWN_CELSIUS", 1, 0),
    "shutdown_temp": ("DEV_GPU_TEMP_SHUTDOWN_CELSIUS", 1, 0),
    "power_limit": ("DEV_BOARD_POWER_LIMIT_REQUESTED_WATTS", 1, 6),
    "power_limit_enforced": ("DEV_BOARD_POWER_LIMIT_ENFORCED_WATTS", 1, 6),
    "pcie_replays": ("DEV_PCIE_REPLAY_TOTAL", 1, 0),
    "gpu_util": ("DEV_GPU_UTIL_RATIO", 0.01, 6),
    "mem_copy_util": ("DEV_MEM_COPY_UTIL", 0.01, 6),
    "xid": ("DEV_XID_ERROR", 1, 0),
    "power_ns": ("DEV_GPU_POWER_THROTTLE_SECONDS_TOTAL", 1e-9, 6),
    "thermal_ns": ("DEV_GPU_THERMAL_THROTTLE_SECONDS_TOTAL", 1e-9, 6),
    "sync_boost_ns": ("DEV_GPU_SYNC_BOOST_THROTTLE_SECONDS_TOTAL", 1e-9, 6),
    "rows_remapped_uncorrectable": ("DEV_ROW_REMAP_UNCORRECTABLE_TOTAL", 1, 0),
    "rows_remapped_correctable": ("DEV_ROW_REMAP_CORRECTABLE_TOTAL", 1, 0),
    "remap_failed": ("DEV_ROW_REMAP_FAILED", 1, 0),
    "nvlink_crc_flit": ("DEV_NVLINK_CRC_FLIT_ERROR_TOTAL", 1, 0),
    "nvlink_crc_data": ("DEV_NVLINK_CRC_DATA_ERROR_TOTAL", 1, 0),
    "nvlink_replay": ("DEV_NVLINK_REPLAY_ERROR_TOTAL", 1, 0),
    "nvlink_recovery": ("DEV_NVLINK_RECOVERY_ERROR_TOTAL", 1, 0),
    "nvlink_mb": ("DEV_NVLINK_THROUGHPUT_TOTAL", 1, 0),
    "engine_active": ("PROF_GR_ENGINE_UTIL_RATIO", 1, 6),
    "sm_active": ("PROF_SM_UTIL_RATIO", 1, 6),
    "tensor_active": ("PROF_TENSOR_UTIL_RATIO", 1, 6),
    "dram_active": ("PROF_DRAM_UTIL_RATIO", 1, 6),
    "pcie_correctable": ("DEV_PCIE_CORRECTABLE_ERROR_TOTAL", 1, 0),
    "recovery_action": ("DEV_GPU_RECOVERY_ACTION", 1, 0),
}
_FB_CAPACITY = Field(
    "fb_capacity",
    "DCGM_FI_DEV_FB_CAPACITY_BYTES",
    "gauge",
    "Framebuffer memory size in bytes.",
    decimals=0,
    scale=1024.0**2,
    stock=True,
)


def _field(line: str) -> Field:
    key, name, kind, decimals, text = line.split("|")
    kind, _, stock = kind.partition(" ")
    return Field(key, f"DCGM_FI_{name}", kind, text, int(decimals), stock=bool(stock))


_ALL = tuple(_field(line) for line in _CURRENT.strip().splitlines())


def _legacy() -> Iterable[Field]:
    for field in _ALL:
        if field.key not in _LEGACY_LACKS:
            name = _LEGACY_NAMES.get(field.key, field.name.removeprefix("DCGM_FI_"))
            # The unit was always ns; the exporters of those days said us.
            text = field.help.replace("(in ns)", "(in us)")
            yield _renamed(field, name, 1, field.decimals, text)


def _next() -> Iterable[Field]:
    for field in _ALL:
        same = (field.name.removeprefix("DCGM_FI_"), 1.0, field.decimals)
        name, scale, decimals = _NEXT.get(field.key, same)
        yield _renamed(field, name, scale, decimals, field.help.split(" (in")[0])
    yield _FB_CAPACITY


def _renamed(field: Field, name: str, scale: float, decimals: int, text: str) -> Field:
    return Field(
        field.key, f"DCGM_FI_{name}", field.kind, text, decimals, scale, field.stock
    )


_TABLES: dict[Generation, tuple[Field, ...]] = {
    "legacy": tuple(_legacy()),
    "current": _ALL,
    "next": tuple(_next()),
}


def fields_of(generation: Generation, counters: Counters) -> tuple[Field, ...]:
    """The fields of one exporter's CSV, in the order of its page."""
    table = _TABLES[generation]
    return table if counters == "full" else tuple(f for f in table if f.stock)
