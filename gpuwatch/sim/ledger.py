"""What adds up or sticks: counters, XIDs, boot times, and what resets them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.effects import HW_BRAKE, HW_THERMAL, Effects, Rows
from gpuwatch.sim.hardware import Floats, Ints
from gpuwatch.sim.physics import POWER_CAP, Load

SW_THERMAL = 0x20
XID_WINDOW_SECONDS = 300.0
STICKY_XID = 31
DOUBLE_BIT_XID = 48
_DAY_SECONDS = 86_400.0

# Gone with a driver reload or GPU reset, unlike what the InfoROM keeps.
VOLATILE = (
    "energy_mj",
    "power_ns",
    "thermal_ns",
    "sync_boost_ns",
    "sw_power_cap_ns",
    "sw_thermal_ns",
    "hw_thermal_ns",
    "hw_brake_ns",
    "sbe_volatile",
    "dbe_volatile",
    "pcie_replays",
    "pcie_correctable",
    "nvlink_crc_flit",
    "nvlink_crc_data",
    "nvlink_replay",
    "nvlink_recovery",
    "remap_pending",
    "recovery_action",
)
LASTING = (
    "sbe_aggregate",
    "dbe_aggregate",
    "rows_remapped_correctable",
    "rows_remapped_uncorrectable",
    "remap_failed",
)


@dataclass
class Ledger:
    """The running totals of every GPU, and each node's boot time.

    It starts with benign traps: a lifetime of error counts on GPUs repaired long ago
    and, unless switched off, one old XID 31 that nobody has cleared.
    """

    rng: np.random.Generator
    nodes: int
    gpus_per_node: int
    total: dict[str, Floats] = field(default_factory=dict)
    last_xid: Ints = field(init=False)
    boot_seconds: Floats = field(init=False)
    _xid_log: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = self.nodes * self.gpus_per_node
        self.total = {name: np.zeros(count) for name in VOLATILE + LASTING}
        self.last_xid = np.zeros(count, dtype=np.int64)
        self.boot_seconds = -self.rng.uniform(3, 20, self.nodes) * _DAY_SECONDS
        repaired = self.rng.random(count) < 0.03
        for name in ("dbe_aggregate", "rows_remapped_uncorrectable"):
            self.total[name][repaired] = 2.0
        self.total["sbe_aggregate"] = self.rng.poisson(0.5, count).astype(float)

    def warm_up(self, power_watts: Floats) -> None:
        """Start the energy counters as if this power had been drawn since boot."""
        uptime = -np.repeat(self.boot_seconds, self.gpus_per_node)
        self.total["energy_mj"] = power_watts * uptime * 1e3 * 0.8

    def stick_old_xid(self) -> None:
        """Leave one GPU with an application's XID of last month on its gauge."""
        self.last_xid[self.rng.integers(len(self.last_xid))] = STICKY_XID

    def add(self, load: Load, effects: Effects, dt_seconds: float) -> None:
        """Count what dt seconds of this load and these effects add up to."""
        self.total["energy_mj"] += load.power_watts * dt_seconds * 1e3
        for name, share in _throttle_shares(load.reasons):
            self.total[name] += share * dt_seconds * 1e9
        for name, rate in _error_rates(effects):
            self.total[name] += self.rng.poisson(rate * dt_seconds)
        corrected = self.rng.poisson(effects.sbe_rate * dt_seconds)
        self.total["sbe_volatile"] += corrected
        self.total["sbe_aggregate"] += corrected

    def xid(self, rows: Rows, code: int, now_seconds: float) -> None:
        """An XID: the gauge keeps it, the windowed count forgets it."""
        self.last_xid[rows] = code
        gpus = range(rows.start, rows.stop)
        self._xid_log += [(now_seconds, gpu, code) for gpu in gpus]

    def xid_counts(self, now_seconds: float) -> dict[int, Counter[int]]:
        """XIDs of the last 300 s: how often each code, by GPU row."""
        since = now_seconds - XID_WINDOW_SECONDS
        self._xid_log = [entry for entry in self._xid_log if entry[0] > since]
        counts: dict[int, Counter[int]] = {}
        for _, gpu, code in self._xid_log:
            counts.setdefault(gpu, Counter())[code] += 1
        return counts

    def double_bit_error(self, rows: Rows, now_seconds: float) -> None:
        """An uncorrectable ECC error: counters, a row to remap, XID 48."""
        for name in ("dbe_volatile", "dbe_aggregate", "rows_remapped_uncorrectable"):
            self.total[name][rows] += 1
        self.total["remap_pending"][rows] = 1
        self.total["recovery_action"][rows] = 1
        self.xid(rows, DOUBLE_BIT_XID, now_seconds)

    def reset(self, rows: Rows) -> None:
        """A GPU reset: volatile counters start again; the XID gauge stays."""
        for name in VOLATILE:
            self.total[name][rows] = 0

    def reboot(self, nodes: Rows, now_seconds: float) -> None:
        """A node's new boot: every GPU reset, driver and exporter started anew."""
        each = self.gpus_per_node
        rows = slice(nodes.start * each, nodes.stop * each)
        self.reset(rows)
        self.last_xid[rows] = 0
        gpus = range(rows.start, rows.stop)
        self._xid_log = [entry for entry in self._xid_log if entry[1] not in gpus]
        self.boot_seconds[nodes] = now_seconds


def _throttle_shares(reasons: Ints) -> Iterator[tuple[str, Floats]]:
    def share(bits: int) -> Floats:
        return np.where(reasons & bits, 1.0, 0.0)

    yield "power_ns", 0.9 * share(POWER_CAP) + 0.1 * share(HW_BRAKE)
    yield "thermal_ns", share(SW_THERMAL | HW_THERMAL)
    yield "sw_power_cap_ns", 0.9 * share(POWER_CAP)
    yield "sw_thermal_ns", share(SW_THERMAL)
    yield "hw_thermal_ns", share(HW_THERMAL)
    yield "hw_brake_ns", share(HW_BRAKE)


def _error_rates(effects: Effects) -> Iterator[tuple[str, Floats]]:
    nvlink, replays = effects.nvlink_rate, effects.replay_rate
    yield "nvlink_crc_flit", nvlink
    yield "nvlink_crc_data", nvlink / 2
    yield "nvlink_replay", nvlink / 4
    yield "nvlink_recovery", nvlink / 100
    yield "pcie_replays", replays
    yield "pcie_correctable", replays
