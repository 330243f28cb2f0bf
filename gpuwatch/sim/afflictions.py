"""How each kind of fault works on the GPUs of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.effects import (
    FALLEN_OFF_THE_BUS,
    GSP_XIDS,
    HW_BRAKE,
    HW_SLOWDOWN,
    HW_THERMAL,
)
from gpuwatch.sim.faults import JOB, Fault
from gpuwatch.sim.impact import Impact, Places, no_impact

SW_THERMAL, APP_CLOCKS = 0x20, 0x2
CLOCK_TAU_SECONDS, FANS_TAU_SECONDS = 60.0, 120.0
FANS_SPREAD_CELSIUS = 6.0


@dataclass(frozen=True)
class Moment:
    """What a fault's effect depends on besides the fault: now, and a die's dice."""

    now_seconds: float
    interval_seconds: float
    rng: np.random.Generator = field(repr=False)

    def grown(self, fault: Fault, tau_seconds: float = CLOCK_TAU_SECONDS) -> float:
        """How far an effect with this time constant has come, 0 to 1."""
        age = self.now_seconds - fault.start_seconds + self.interval_seconds / 2
        return float(1 - np.exp(-age / tau_seconds))


def impact_of(
    faults: Iterable[Fault],
    rows_of: Callable[[Fault], Places],
    nodes: int,
    gpus_per_node: int,
    moment: Moment,
) -> Impact:
    """Lay all faults at work over one another."""
    impact = no_impact(nodes, gpus_per_node)
    for fault in faults:
        _APPLY[fault.kind](impact, rows_of(fault), fault, moment)
    return impact


def _loss(fault: Fault, percent: float) -> float:
    return (percent if fault.percent is None else fault.percent) / 100


def _lower(impact: Impact, rows: Places, limit: float) -> None:
    impact.limit[rows] = np.minimum(impact.limit[rows], limit)


def _flag(impact: Impact, rows: Places, fault: Fault, bits: int) -> None:
    impact.bits[rows] |= bits if fault.bits is None else fault.bits


def _thermal(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    loss = _loss(fault, 40)
    mild = loss < 0.25
    _lower(impact, rows, 1 - loss * moment.grown(fault))
    _flag(impact, rows, fault, SW_THERMAL if mild else HW_SLOWDOWN | HW_THERMAL)
    impact.heat_share[rows] = 1.0
    impact.pinned_celsius[rows] = fault.celsius or (87.0 if mild else 89.5)


def _cycling(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    duty, loss = fault.rate or 0.4, _loss(fault, 40)
    impact.cycles[rows] = 1 - duty * loss
    impact.heat_share[rows] = duty * moment.rng.uniform(0.8, 1.2)
    impact.pinned_celsius[rows] = fault.celsius or 86.0
    if moment.rng.random() < duty:
        impact.shown_limit[rows] = 1 - loss
        _flag(impact, rows, fault, HW_SLOWDOWN | HW_THERMAL)


def _brake(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    whole = rows if fault.gpu is not None else impact.node_rows(rows)
    _lower(impact, whole, 1 - _loss(fault, 50))
    _flag(impact, whole, fault, HW_SLOWDOWN | HW_BRAKE)
    impact.brake_share[whole] = 1.0


def _hw_slowdown(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    _lower(impact, rows, 1 - _loss(fault, 50))
    _flag(impact, rows, fault, HW_SLOWDOWN)


def _locked(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    _lower(impact, rows, 1 - _loss(fault, 12))
    _flag(impact, rows, fault, 0)


def _clocks_set(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    _lower(impact, rows, 1 - _loss(fault, 10))
    _flag(impact, rows, fault, APP_CLOCKS)


def _hot(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    impact.rise_celsius[rows] += (fault.celsius or 15.0) * moment.grown(fault)


def _drift(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    hours = (moment.now_seconds - fault.start_seconds) / 3600
    rise = (fault.rate or 1.0) * hours
    impact.rise_celsius[rows] += min(rise, fault.celsius or 18.0)


def _fans(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    whole = impact.node_rows(rows)
    grown = moment.grown(fault, FANS_TAU_SECONDS)
    hottest = 60 + ((fault.celsius or 93.0) - 60) * grown
    spread = np.linspace(-FANS_SPREAD_CELSIUS, 0, whole.stop - whole.start)
    impact.pinned_celsius[whole] = hottest + spread
    impact.fans[impact.nodes_of(rows)] = True


def _memory_clock(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    share = 1 - _loss(fault, 40)
    impact.memory_clock[rows] = share
    impact.memory[rows] = 1 / share
    impact.intensity[rows] *= 0.97


def _memory_slow(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    loss = _loss(fault, 20) * moment.grown(fault, 20)
    impact.slower[rows] *= 1 / (1 - loss)
    impact.intensity[rows] *= 1 - 0.15 * loss


def _starved(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    loss = _loss(fault, 20) * moment.grown(fault, 25)
    impact.stall[rows] += loss / (1 - loss)


def _host_slow(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    _starved(impact, impact.node_rows(rows), fault, moment)


def _pcie(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    impact.link_width[rows] = fault.width or 4
    impact.link_gen[rows] = 5 if fault.width else 3
    impact.replay_rate[rows] += 0.05 if fault.rate is None else fault.rate
    _starved(impact, rows, fault, moment)


def _rail(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    node, rail = impact.port(rows)
    down = fault.kind == "rail_down"
    impact.rails[node, rail] = 0.0 if down else 1 - _loss(fault, 30)
    impact.rail_errors[node, rail] = 2.0 if fault.rate is None else fault.rate
    impact.extra_comm[rows] += _loss(fault, 25) / 2


def _job_slow(impact: Impact, rows: Places, fault: Fault, moment: Moment) -> None:
    loss = _loss(fault, 25) * moment.grown(fault, 20)
    impact.extra_comm[rows] += loss / (1 - loss)


def _nvlink(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    impact.nvlink_rate[rows] += fault.rate or 20
    impact.extra_comm[rows] += _loss(fault, 5)


def _sbe(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    impact.sbe_rate[rows] += fault.rate or 50


def _xid(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    if fault.code == FALLEN_OFF_THE_BUS:
        impact.hidden[rows] = True
    elif fault.code in GSP_XIDS:
        impact.hidden[impact.node_rows(rows)] = True


def _gpu_lost(impact: Impact, rows: Places, _fault: Fault, _moment: Moment) -> None:
    impact.hidden[rows] = impact.mute[rows] = True


def _off(impact: Impact, rows: Places, _fault: Fault, _moment: Moment) -> None:
    impact.off[impact.nodes_of(rows)] = True


def _frozen(impact: Impact, rows: Places, _fault: Fault, _moment: Moment) -> None:
    impact.frozen[impact.nodes_of(rows)] = True


def _failing(impact: Impact, rows: Places, _fault: Fault, _moment: Moment) -> None:
    impact.failing[impact.nodes_of(rows)] = True


def _hang(impact: Impact, rows: Places, fault: Fault, _moment: Moment) -> None:
    if fault.node != JOB and fault.gpu is not None:
        impact.stuck[rows] = True


def _nothing(_impact: Impact, _rows: Places, _fault: Fault, _moment: Moment) -> None:
    """An event for the ledger or for the job's timetable."""


_APPLY: dict[str, Callable[[Impact, Places, Fault, Moment], None]] = {
    "thermal": _thermal,
    "thermal_cycling": _cycling,
    "power_brake": _brake,
    "hw_slowdown": _hw_slowdown,
    "clock_locked": _locked,
    "clocks_set": _clocks_set,
    "hot": _hot,
    "drift": _drift,
    "fans": _fans,
    "memory_clock": _memory_clock,
    "memory_slow": _memory_slow,
    "starved": _starved,
    "host_slow": _host_slow,
    "pcie": _pcie,
    "rail_slow": _rail,
    "rail_down": _rail,
    "job_slow": _job_slow,
    "nvlink": _nvlink,
    "sbe": _sbe,
    "xid": _xid,
    "gpu_lost": _gpu_lost,
    "node_down": _off,
    "reboot": _off,
    "exporter_frozen": _frozen,
    "exporter_error": _failing,
    "gap": _failing,
    "reload": _failing,
    "hang": _hang,
    "ecc": _nothing,
    "remap": _nothing,
    "drain": _nothing,
    "counter_reset": _nothing,
    "job_end": _nothing,
}
