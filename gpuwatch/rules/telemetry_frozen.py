"""An exporter that answers with old values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column, Mask, absent
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, forward_filled

ENERGY, POWER = "energy_joules", "power_watts"
WINDOW_SECONDS = 600.0
OLDEST_SAMPLE_SECONDS = 120.0
SAMPLED_GPUS = 500


class TelemetryFrozen(Rule):
    """A GPU's readings stand still although the exporter goes on answering.

    What: the energy counter has not moved for more than 3 collect intervals (100
    seconds at least) while power is drawn and scrapes go on. The interval is learned
    from the GPU's own last 10 minutes and from the fleet's.

    Why: a hung host engine repeats its last values for ever: the GPU looks healthy, and
    no other rule can see what happens to it.

    First response: restart nv-hostengine and dcgm-exporter on the node; if that hangs
    too, look for XID 119 in the kernel log.

    Source: dcgm-exporter issue 164, DCGM 209, NVSentinel 1748; dcgm.md 8. The exporter
    collects every 30 seconds by default, so equal values in a row are normal.
    """

    name = "telemetry_frozen"
    category = Category.TELEMETRY
    yields_to = ("node_silent", "exporter_down")
    reads = (Read(ENERGY, WINDOW_SECONDS), Read(POWER))

    class Params(RuleParams):
        """Thresholds of telemetry_frozen."""

        flat_for: Seconds = Field(
            100.0, ge=0, description="the counter must stand still at least this long"
        )
        intervals_count: float = Field(
            3.0, ge=1, description="and for more than so many collect intervals"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Per GPU; UNKNOWN without energy, power, fresh scrapes or enough past."""
        pace = _pace(window, self.params.flat_for)
        limit = np.fmax(self.params.flat_for, self.params.intervals_count * pace.usual)
        power, energy = window.get(POWER), window.get(ENERGY)
        fresh = window.now.at - window.now.sampled_at <= OLDEST_SAMPLE_SECONDS
        readable = fresh & (power > 0) & ~np.isnan(energy)
        frozen = readable & (pace.flat > limit)
        return Verdicts(
            firing=frozen,
            known=frozen | (readable & pace.moved),
            evidence={
                "unchanged_for_seconds": np.where(frozen, pace.flat, np.nan),
                "usual_interval_seconds": pace.usual,
            },
            since=np.where(frozen, window.now.sampled_at - pace.flat, np.nan),
        )

    def explain(self, finding: Finding) -> Words:
        """One GPU, or the whole exporter."""
        many = len(finding.members) > 1
        return Words(
            "Exporter repeats old values" if many else "GPU readings are frozen",
            "Restart nv-hostengine and dcgm-exporter on the node; until then nothing "
            "else is seen of its GPUs. If the restart hangs, look for XID 119.",
        )


@dataclass(frozen=True)
class _Pace:
    """Per GPU, seconds: since the counter moved, and how often it usually does.

    `moved`: it was seen to move inside the window. Both times are NaN for GPUs whose
    counter moved just now: they need no closer look.
    """

    flat: Column
    usual: Column
    moved: Mask


def _pace(window: Window, flat_for_seconds: float) -> _Pace:
    rows = window.now.rows
    values = window.history(ENERGY, WINDOW_SECONDS)
    times = window.history_at(ENERGY, WINDOW_SECONDS)
    flat, usual = absent(rows), absent(rows)
    recent = values[times >= window.now.at - flat_for_seconds]
    still = ((recent == window.get(ENERGY)) | np.isnan(recent)).all(axis=0)
    moved, suspects = ~still, np.flatnonzero(still)
    if len(values) >= 2 and len(suspects):
        last, own = _moves(values[:, suspects], times)
        flat[suspects] = window.now.sampled_at[suspects] - last
        usual[suspects] = np.fmax(own, _fleets_interval(values, times))
        moved[suspects] = ~np.isnan(own)
    return _Pace(flat, usual, moved)


def _fleets_interval(values: NDArray[np.float64], times: Column) -> float:
    """The median over a sample of the fleet, seconds; NaN where nothing moved."""
    few = values[:, :: max(1, values.shape[1] // SAMPLED_GPUS)]
    _, own = _moves(few, times)
    known = own[~np.isnan(own)]
    return float(np.median(known)) if len(known) else np.nan


def _moves(values: NDArray[np.float64], times: Column) -> tuple[Column, Column]:
    """When each counter moved last, and its longest pause before that (NaN = none).

    A counter that never moved counts from its first reading.
    """
    filled = forward_filled(values)
    known = ~np.isnan(filled)
    last = np.where(known, times[:, None], np.inf).min(axis=0)
    longest = absent(values.shape[1])
    for step in range(1, len(filled)):
        moves = known[step - 1] & (filled[step] != filled[step - 1])
        longest = np.where(moves, np.fmax(longest, times[step] - last), longest)
        last = np.where(moves, times[step], last)
    return np.where(np.isinf(last), np.nan, last), longest
