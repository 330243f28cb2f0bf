"""The rules that gpuwatch is compared with: the community's, and an expert's.

They are written with DCGM 3.3's names and units; `spoken` says the same in the names
of another generation, as their author would have done for that site.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from bench.expert import REASONS
from bench.expert import RULES as EXPERTS_OLD
from gpuwatch.sim.fields import Generation, fields_of


@dataclass(frozen=True)
class HandRule:
    """One alert rule; `hold_seconds` is its `for:`."""

    name: str
    expr: str
    hold_seconds: float = 0.0


TEMP, CLOCK = "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_SM_CLOCK"
MEMORY_CLOCK, POWER = "DCGM_FI_DEV_MEM_CLOCK", "DCGM_FI_DEV_POWER_USAGE"
UTIL, COPY = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_MEM_COPY_UTIL"
TENSOR, XID = "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "DCGM_FI_DEV_XID_ERRORS"
FIVE_MINUTES, A_QUARTER = 300.0, 900.0

# peers.md section 7: the forms that most repositories have, with their own holds.
# OCI's divisor is in the unit that it meant (alerting.md section 1).
COMMUNITY = (
    HandRule("temperature", f"{TEMP} > 85", FIVE_MINUTES),
    *(
        HandRule(
            f"throttle bit {bit:#x}", f"{REASONS} % {2 * bit} >= {bit}", FIVE_MINUTES
        )
        for bit in (0x80, 0x40, 0x20, 0x10, 0x8, 0x4)
    ),
    *(
        HandRule(
            f"{what.lower()} violation",
            f"increase(DCGM_FI_DEV_{what}_VIOLATION[5m]) / 3e11 > 0.20",
            A_QUARTER,
        )
        for what in ("THERMAL", "POWER")
    ),
    HandRule("xid", f"{XID} > 0"),
    HandRule("double-bit error", "increase(DCGM_FI_DEV_ECC_DBE_VOL_TOTAL[5m]) > 0"),
    HandRule("target down", "up == 0", FIVE_MINUTES),
)

_FATAL = (48, 62, 64, 74, 79, 92, 94, 95, 109, 119, 120, 140, 143, 149)
_BY_CODE = "max by (Hostname, gpu, UUID, err_code) ({0})"
_LISTED = " or ".join(f"{_BY_CODE.format(XID)} == {code}" for code in _FATAL)
_BEFORE = _BY_CODE.format(f"{XID} offset 5m")
_OF_JOB = "{0} / on (hpc_job) group_left () quantile by (hpc_job) (0.5, {0})"
_NODE_UTIL = f"avg by (Hostname, hpc_job) (avg_over_time({UTIL}[1m]))"
_JOB_UTIL = f"quantile by (hpc_job) (0.5, {_NODE_UTIL})"
# Else it cries over every inference server and every idle node without a job label.
_AT_WORK = f"count by (hpc_job) ({_NODE_UTIL} > 90)"
_NEARLY_ALL_AT_WORK = f"({_AT_WORK} / count by (hpc_job) ({_NODE_UTIL}) > 0.8)"
_ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
_BUSY = f"and {UTIL} > 80"
_SENT = "rate(node_infiniband_port_data_transmitted_bytes_total[2m])"
_OWN = "DCGM_FI_DEV_GPU_TEMP"

# Sites hold what flickers; what is certain is told at once.
_HOLDS = {
    "hw thermal slowdown": 30.0,
    "power brake": 30.0,
    "hw slowdown": 30.0,
    "gpu temperature": 60.0,
    "memory temperature": 60.0,
    "hot while idle": 300.0,
    "correctable ecc": 0.0,
    "pcie width": 120.0,
    "pcie generation": 120.0,
    "exporter down": 60.0,
}
_BETTER = {"xid", "gpu missing", "telemetry frozen"}
EXPERT = (
    *(
        HandRule(name, expr, _HOLDS.get(name, 0.0))
        for name, expr in EXPERTS_OLD.items()
        if name not in _BETTER
    ),
    HandRule("listed xid", f"({_LISTED}) unless {_BEFORE}", 30),
    HandRule(
        "gpu missing",
        f"(group by (Hostname, gpu, UUID) (last_over_time({_OWN}[10m]))"
        f" unless on (UUID) group by (UUID) ({_OWN}))"
        f" and on (Hostname) group by (Hostname) ({_OWN})",
        60,
    ),
    HandRule("telemetry frozen", f"increase({_ENERGY}[3m]) == 0 and {_ENERGY}", 60),
    HandRule("node down", 'up{job="node"} == 0', 120),
    HandRule(
        "clock below the job",
        f"{_OF_JOB.format(CLOCK)} < 0.75 {_BUSY}",
        120,
    ),
    HandRule(
        "memory clock below the job",
        f"{_OF_JOB.format(MEMORY_CLOCK)} < 0.9 {_BUSY}",
        120,
    ),
    HandRule(
        "power below the job",
        f"{_OF_JOB.format(f'avg_over_time({POWER}[1m])')} < 0.6 {_BUSY}"
        f" and on (hpc_job) {_NEARLY_ALL_AT_WORK}",
        120,
    ),
    HandRule(
        "node less busy than its job",
        f"{_NODE_UTIL} / on (hpc_job) group_left () {_JOB_UTIL} < 0.88"
        f" and {_NODE_UTIL} > 20 and on (hpc_job) {_NEARLY_ALL_AT_WORK}",
        180,
    ),
    HandRule(
        "job hung",
        f"avg by (hpc_job) ({UTIL}) > 98 and avg by (hpc_job) ({COPY}) < 1"
        f" and avg by (hpc_job) ({POWER}) < 200",
        180,
    ),
    HandRule(
        "job slow",
        f"avg by (hpc_job) ({TENSOR}) < 0.7 * avg by (hpc_job)"
        f" (avg_over_time({TENSOR}[30m])) and avg by (hpc_job) ({UTIL}) > 80",
        180,
    ),
    HandRule("port down", "node_infiniband_state_id != 4", 30),
    HandRule(
        "rail slow",
        f"{_SENT} / on (instance) group_left () quantile by (instance) (0.5, {_SENT})"
        f" < 0.7 and {_SENT} > 1e8",
        120,
    ),
)

_NAME = r"DCGM_(?:FI|EXP)_[A-Z0-9_]+"
_OVER_TIME = re.compile(rf"(\w+)\(({_NAME})(\[\w+(?::\w+)?\])\)")
_OFFSET = re.compile(rf"({_NAME})( offset \w+)")
_BARE = re.compile(_NAME)


@cache
def _names(generation: Generation) -> dict[str, tuple[str, float]]:
    """DCGM 3.3's name to (this generation's, what turns the old unit into its)."""
    new = {field.key: field for field in fields_of(generation, "full")}
    return {
        old.name: (new[old.key].name, new[old.key].scale)
        for old in fields_of("legacy", "full")
        if old.key in new
    }


def spoken(expr: str, generation: Generation) -> str:
    """The same rule in another generation's names and units."""
    held: list[str] = []

    def hold(text: str, scale: float) -> str:
        held.append(text if scale == 1.0 else f"({text} / {scale:g})")
        return f"\x00{len(held) - 1}\x00"

    def renamed(name: str) -> tuple[str, float]:
        return _names(generation).get(name, (name, 1.0))

    def over_time(found: re.Match[str]) -> str:
        name, scale = renamed(found[2])
        return hold(f"{found[1]}({name}{found[3]})", scale)

    def later(found: re.Match[str]) -> str:
        name, scale = renamed(found[1])
        return hold(name + found[2], scale)

    said = _OVER_TIME.sub(over_time, expr)
    said = _OFFSET.sub(later, said)
    said = _BARE.sub(lambda found: hold(*renamed(found[0])), said)
    said = re.sub(r"\x00(\d+)\x00", lambda found: held[int(found[1])], said)
    return said.replace("Hostname", "hostname") if generation == "next" else said
