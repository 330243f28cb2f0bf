"""What the faults at work mean for each GPU and each node at one instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from gpuwatch.sim.faults import JOB, Fault
from gpuwatch.sim.hardware import Bools, Floats, Ints

Rows = slice

HW_SLOWDOWN, HW_THERMAL, HW_BRAKE = 0x8, 0x40, 0x80
FALLEN_OFF_THE_BUS = 79
GSP_XIDS = (119, 120)
THERMAL_CELSIUS = 90.0
HOT_RISE_CELSIUS = 15.0


@dataclass
class Effects:
    """One value a GPU, or a node where the name says so.

    `gone` GPUs do no work, `hidden` ones only miss from the page, XID series and all
    if `mute`; `pinned_celsius` is NaN where no thermal fault is at work.
    """

    clock_factor: Floats
    reasons: Ints
    pinned_celsius: Floats
    rise_celsius: Floats
    sbe_rate: Floats
    nvlink_rate: Floats
    replay_rate: Floats
    link_width: Floats
    link_gen: Floats
    gone: Bools
    hidden: Bools
    mute: Bools
    stuck: Bools
    nodes_off: Bools
    nodes_frozen: Bools
    gpus_per_node: int
    hung: bool = False
    job_over: bool = False

    def nodes_of(self, rows: Rows) -> Rows:
        """The nodes that a range of GPU rows touches."""
        each = self.gpus_per_node
        return slice(rows.start // each, -(-rows.stop // each))

    def node_rows(self, rows: Rows) -> Rows:
        """A range of GPU rows widened to whole nodes."""
        nodes, each = self.nodes_of(rows), self.gpus_per_node
        return slice(nodes.start * each, nodes.stop * each)


def no_effects(nodes: int, gpus_per_node: int) -> Effects:
    """Everything in order."""
    count = nodes * gpus_per_node
    return Effects(
        clock_factor=np.ones(count),
        reasons=np.zeros(count, dtype=np.int64),
        pinned_celsius=np.full(count, np.nan),
        rise_celsius=np.zeros(count),
        sbe_rate=np.zeros(count),
        nvlink_rate=np.zeros(count),
        replay_rate=np.zeros(count),
        link_width=np.full(count, np.inf),
        link_gen=np.full(count, np.inf),
        gone=np.zeros(count, dtype=bool),
        hidden=np.zeros(count, dtype=bool),
        mute=np.zeros(count, dtype=bool),
        stuck=np.zeros(count, dtype=bool),
        nodes_off=np.zeros(nodes, dtype=bool),
        nodes_frozen=np.zeros(nodes, dtype=bool),
        gpus_per_node=gpus_per_node,
    )


def effects_of(
    faults: Iterable[Fault],
    locate: Callable[[Fault], Rows],
    nodes: int,
    gpus_per_node: int,
) -> Effects:
    """Lay all active faults over one another."""
    effects = no_effects(nodes, gpus_per_node)
    for fault in faults:
        _APPLY[fault.kind](effects, locate(fault), fault)
    return effects


def _slow(effects: Effects, rows: Rows, fault: Fault, percent: float) -> None:
    loss = percent if fault.percent is None else fault.percent
    effects.clock_factor[rows] *= 1 - loss / 100


def _flag(effects: Effects, rows: Rows, fault: Fault, bits: int) -> None:
    effects.reasons[rows] |= bits if fault.bits is None else fault.bits


def _thermal(effects: Effects, rows: Rows, fault: Fault) -> None:
    _slow(effects, rows, fault, 50)
    _flag(effects, rows, fault, HW_SLOWDOWN | HW_THERMAL)
    effects.pinned_celsius[rows] = fault.celsius or THERMAL_CELSIUS


def _power_brake(effects: Effects, rows: Rows, fault: Fault) -> None:
    whole = effects.node_rows(rows)
    _slow(effects, whole, fault, 50)
    _flag(effects, whole, fault, HW_SLOWDOWN | HW_BRAKE)


def _hw_slowdown(effects: Effects, rows: Rows, fault: Fault) -> None:
    _slow(effects, rows, fault, 50)
    _flag(effects, rows, fault, HW_SLOWDOWN)


def _clock_locked(effects: Effects, rows: Rows, fault: Fault) -> None:
    _slow(effects, rows, fault, 25)
    _flag(effects, rows, fault, 0)


def _hot(effects: Effects, rows: Rows, fault: Fault) -> None:
    effects.rise_celsius[rows] += fault.celsius or HOT_RISE_CELSIUS


def _xid(effects: Effects, rows: Rows, fault: Fault) -> None:
    if fault.code == FALLEN_OFF_THE_BUS:
        effects.gone[rows] = effects.hidden[rows] = True
    elif fault.code in GSP_XIDS:
        effects.gone[rows] = True
        effects.hidden[effects.node_rows(rows)] = True


def _gpu_lost(effects: Effects, rows: Rows, _fault: Fault) -> None:
    effects.gone[rows] = effects.hidden[rows] = effects.mute[rows] = True


def _sbe(effects: Effects, rows: Rows, fault: Fault) -> None:
    effects.sbe_rate[rows] += fault.rate or 50


def _nvlink(effects: Effects, rows: Rows, fault: Fault) -> None:
    effects.nvlink_rate[rows] += fault.rate or 20


def _pcie(effects: Effects, rows: Rows, fault: Fault) -> None:
    effects.link_width[rows] = fault.width or 4
    effects.link_gen[rows] = 3
    effects.replay_rate[rows] += fault.rate or 5


def _off(effects: Effects, rows: Rows, _fault: Fault) -> None:
    effects.nodes_off[effects.nodes_of(rows)] = True
    effects.gone[effects.node_rows(rows)] = True


def _exporter_frozen(effects: Effects, rows: Rows, _fault: Fault) -> None:
    effects.nodes_frozen[effects.nodes_of(rows)] = True


def _hang(effects: Effects, rows: Rows, fault: Fault) -> None:
    effects.hung = True
    if fault.node != JOB and fault.gpu is not None:
        effects.stuck[rows] = True


def _job_end(effects: Effects, _rows: Rows, _fault: Fault) -> None:
    effects.job_over = True


def _nothing(_effects: Effects, _rows: Rows, _fault: Fault) -> None:
    """An event for the ledger (ECC), or the exporter's own trouble (error, gap)."""


_APPLY: dict[str, Callable[[Effects, Rows, Fault], None]] = {
    "thermal": _thermal,
    "power_brake": _power_brake,
    "hw_slowdown": _hw_slowdown,
    "clock_locked": _clock_locked,
    "xid": _xid,
    "ecc": _nothing,
    "sbe": _sbe,
    "nvlink": _nvlink,
    "pcie": _pcie,
    "node_down": _off,
    "exporter_frozen": _exporter_frozen,
    "exporter_error": _nothing,
    "gpu_lost": _gpu_lost,
    "reboot": _off,
    "gap": _nothing,
    "reload": _nothing,
    "hot": _hot,
    "hang": _hang,
    "job_end": _job_end,
}
