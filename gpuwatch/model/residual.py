"""How hot a GPU is beyond what its slot, its power and its node explain.

    T = b * P + slot + node + residual

`b` is one figure a model, `slot` one a (model, slot) over the whole fleet, `node` one
a node (its aisle, its cooling). Slots of a healthy HGX node differ by 12-14 °C and b is
about 0.05 °C/W (straggler.md 1.7), so neither a fixed line nor a plain comparison with
the siblings will do. Everything is a median: one hot GPU moves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.model.boards import Boards, board_power_limit_watts
from gpuwatch.model.grouped import Groups, medians_by, spread
from gpuwatch.model.load import BUSY_PERCENT, LOADED_SHARE_OF_POWER_LIMIT
from gpuwatch.model.snapshot import Column, absent
from gpuwatch.model.steady import POWER, STEADY_SECONDS, steady_watts
from gpuwatch.model.window import Read, Window

TEMPERATURE = "gpu_temperature_celsius"
FEWEST_IN_CLASS = 12
FEWEST_SIBLINGS = 3
FEWEST_FOR_SLOPE = 30
FLOOR_CELSIUS = 3.0
MAD_TO_SIGMA = 1.4826
PASSES = 2
RISE_TO_LIMIT_CELSIUS = 35.0
USUAL_CELSIUS_PER_WATT = 0.05
REFERENCE_SHARE = 0.8
SPREAD_SHARE = 0.1
SLOPE_LOW, SLOPE_HIGH = 0.4, 2.5

RESIDUAL_READS = (
    Read(TEMPERATURE),
    Read(POWER, STEADY_SECONDS),
    Read("utilization_percent", required=False),
)


@dataclass(frozen=True)
class Explained:
    """Arrays over rows; NaN where it cannot be told.

    Args:
        settled_celsius: the temperature that the GPU would have at its model's
            reference power; NaN for GPUs that idle, ramp, or are MIG instances.
        offset_celsius: what the row's slot explains.
        node_celsius: what each node explains, float64[nodes].
        residual_celsius: what nothing explains.
        scale_celsius: how far healthy GPUs of this slot scatter, at least 3.
    """

    settled_celsius: Column
    offset_celsius: Column
    node_celsius: Column
    residual_celsius: Column
    scale_celsius: Column


def explained(window: Window, boards: Boards, learned: Column) -> Explained:
    """Fit the model to the fleet as it is now.

    `learned`: what each row's slot explained in the past (model/slot_memory.py), for
    nodes whose slots have fewer than 12 GPUs of their kind at work; NaN = nothing yet.
    """
    node_of = window.now.fleet.node_of[: window.now.rows]
    nodes = len(window.now.fleet.nodes)
    settled = _settled(window, boards)
    classes, kinds = boards.classes, len(boards.models) * boards.slots
    slot, node = _two_way(settled, classes, kinds, node_of, nodes)
    peers = ~np.isnan(spread(node, node_of))
    offset = np.where(peers, spread(slot, classes), learned)
    alone = np.where(peers, np.nan, settled - learned)
    own = medians_by(alone, node_of, nodes, FEWEST_SIBLINGS)
    node = np.where(np.isnan(node), own, node)
    residual = settled - offset - spread(node, node_of)
    scatter = np.abs(np.where(peers, residual, np.nan))
    sigma = MAD_TO_SIGMA * spread(medians_by(scatter, classes, kinds), classes)
    return Explained(
        settled_celsius=settled,
        offset_celsius=offset,
        node_celsius=node,
        residual_celsius=residual,
        scale_celsius=np.fmax(sigma, FLOOR_CELSIUS),
    )


def _two_way(
    settled: Column, classes: Groups, kinds: int, node_of: Groups, nodes: int
) -> tuple[Column, Column]:
    """Slot and node effects by median polish, of slots with enough GPUs at work.

    Nodes come first, as liquid- and air-cooled ones of a model are 20 °C apart.
    """
    working = np.bincount(classes[~np.isnan(settled) & (classes >= 0)], minlength=kinds)
    enough = spread(np.where(working >= FEWEST_IN_CLASS, 0.0, np.nan), classes)
    values = settled + enough
    node = medians_by(values, node_of, nodes, FEWEST_SIBLINGS)
    slot = absent(kinds)
    for _ in range(PASSES):
        slot = medians_by(values - node[node_of], classes, kinds)
        rest = values - spread(slot, classes)
        node = medians_by(rest, node_of, nodes, FEWEST_SIBLINGS)
    return slot, node


def _settled(window: Window, boards: Boards) -> Column:
    """Temperature brought to the reference power of its model, of GPUs under load."""
    limit = board_power_limit_watts(window, boards)
    watts = steady_watts(window)
    percent = window.get("utilization_percent")
    by_power = watts >= LOADED_SHARE_OF_POWER_LIMIT * limit
    loaded = np.where(np.isnan(limit), percent >= BUSY_PERCENT, by_power)
    judged = loaded & boards.whole & (boards.slot >= 0)
    watts = np.where(judged & ~np.isnan(window.get(TEMPERATURE)), watts, np.nan)
    celsius = np.where(np.isnan(watts), np.nan, window.get(TEMPERATURE))
    settled = absent(len(celsius))
    centred_watts, centred_celsius = _centred(watts, boards), _centred(celsius, boards)
    for code in range(len(boards.models)):
        rows = np.flatnonzero((boards.code == code) & ~np.isnan(watts))
        if len(rows) == 0:
            continue
        full = _reference(limit[rows], watts[rows])
        slope = _slope(centred_watts[rows], centred_celsius[rows], limit[rows])
        settled[rows] = celsius[rows] - slope * (watts[rows] - full)
    return settled


def _centred(values: Column, boards: Boards) -> Column:
    kinds = len(boards.models) * boards.slots
    return values - spread(medians_by(values, boards.classes, kinds), boards.classes)


def _reference(limit: Column, watts: Column) -> float:
    known = limit[~np.isnan(limit)]
    return REFERENCE_SHARE * float(np.median(known)) if len(known) else _mid(watts)


def _slope(watts: Column, celsius: Column, limit: Column) -> float:
    """°C a watt: Tukey's resistant line through the outer thirds, else the usual.

    The usual: a board warms by some 35 °C from idle to its limit. What is fitted is
    kept within 0.4 to 2.5 times that: jobs on differently cooled nodes would else pass
    for the effect of power.
    """
    known = limit[~np.isnan(limit)]
    full = float(np.median(known)) if len(known) else np.nan
    usual = RISE_TO_LIMIT_CELSIUS / full if full > 0 else USUAL_CELSIUS_PER_WATT
    if len(watts) < FEWEST_FOR_SLOPE:
        return usual
    low, high = np.quantile(watts, [1 / 3, 2 / 3])
    few, much = watts <= low, watts >= high
    apart = _mid(watts[much]) - _mid(watts[few])
    if not apart >= SPREAD_SHARE * RISE_TO_LIMIT_CELSIUS / usual:
        return usual
    fitted = (_mid(celsius[much]) - _mid(celsius[few])) / apart
    return float(np.clip(fitted, SLOPE_LOW * usual, SLOPE_HIGH * usual))


def _mid(values: Column) -> float:
    return float(np.median(values))
