"""Hand-written alert rules for the same faults, as an expert would mend them.

The community's rules of the field, with their known mistakes taken out: bits by
modulo, nanoseconds, growth instead of totals, device limits instead of 85 degrees,
counts instead of absent(). Names omit no label, as such rules are written.
"""

REASONS = "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"

RULES = {
    "hw thermal slowdown": f"{REASONS} % 128 >= 64",
    "sw thermal slowdown": f"avg_over_time(({REASONS} % 64 >= bool 32)[3m:15s]) > 0.5",
    "power brake": f"{REASONS} % 256 >= 128",
    "hw slowdown": f"{REASONS} % 16 >= 8",
    "thermal violation": "rate(DCGM_FI_DEV_THERMAL_VIOLATION[5m]) / 1e9 > 0.2",
    "gpu temperature": "DCGM_FI_DEV_GPU_TEMP > DCGM_FI_DEV_SLOWDOWN_TEMP - 3",
    "memory temperature": "DCGM_FI_DEV_MEMORY_TEMP > DCGM_FI_DEV_MEM_MAX_OP_TEMP - 3",
    "hot while idle": "avg_over_time(DCGM_FI_DEV_GPU_TEMP[5m]) > 70"
    " and avg_over_time(DCGM_FI_DEV_GPU_UTIL[5m]) < 10",
    "xid": "DCGM_FI_DEV_XID_ERRORS > 0 unless DCGM_FI_DEV_XID_ERRORS offset 5m > 0",
    "uncorrectable ecc": "increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[10m]) > 0",
    "correctable ecc": "rate(DCGM_FI_DEV_ECC_SBE_VOL_TOTAL[15m]) > 1",
    "row remap pending": "DCGM_FI_DEV_ROW_REMAP_PENDING > 0",
    "row remap failed": "DCGM_FI_DEV_ROW_REMAP_FAILURE > 0",
    "rows remapped": "delta(DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS[10m]) > 0",
    "nvlink recovery": "increase("
    "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL[10m]) > 0",
    "nvlink crc": "rate(DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL[5m]) > 100",
    "pcie replays": "increase(DCGM_FI_DEV_PCIE_REPLAY_COUNTER[10m]) > 310",
    "pcie width": "DCGM_FI_DEV_PCIE_LINK_WIDTH < DCGM_FI_DEV_PCIE_MAX_LINK_WIDTH"
    " and DCGM_FI_DEV_GPU_UTIL > 50",
    "pcie generation": "DCGM_FI_DEV_PCIE_LINK_GEN < DCGM_FI_DEV_PCIE_MAX_LINK_GEN"
    " and DCGM_FI_DEV_GPU_UTIL > 50",
    "gpu missing": "count by (Hostname) (DCGM_FI_DEV_GPU_TEMP)"
    " < count by (Hostname) (DCGM_FI_DEV_GPU_TEMP offset 10m)",
    "exporter down": 'up{job="dcgm"} == 0',
    "telemetry frozen": "increase(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[2m]) == 0",
}
