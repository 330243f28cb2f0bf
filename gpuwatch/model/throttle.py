"""Clock event (throttle) reasons: bits, to be decoded and never compared.

Source: `dcgm_fields.h` and `nvml.h`; dcgm.md section 5.
"""

from __future__ import annotations

IDLE = 0x1
CLOCKS_SETTING = 0x2
SW_POWER_CAP = 0x4
HW_SLOWDOWN = 0x8
SYNC_BOOST = 0x10
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80
DISPLAY_CLOCKS = 0x100

NAMES = {
    IDLE: "idle",
    CLOCKS_SETTING: "clocks setting",
    SW_POWER_CAP: "SW power cap",
    HW_SLOWDOWN: "HW slowdown",
    SYNC_BOOST: "sync boost",
    SW_THERMAL: "SW thermal slowdown",
    HW_THERMAL: "HW thermal slowdown",
    HW_POWER_BRAKE: "HW power brake",
    DISPLAY_CLOCKS: "display clocks",
}
HARDWARE = HW_SLOWDOWN | SW_THERMAL | HW_THERMAL | HW_POWER_BRAKE


def decoded(reasons: int) -> str:
    """`HW slowdown + HW thermal slowdown (0x48)`; unknown bits only as the number."""
    names = [name for bit, name in NAMES.items() if reasons & bit]
    return f"{' + '.join(names) or 'none'} (0x{reasons:x})"
