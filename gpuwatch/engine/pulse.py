"""Signs of life per row: distinct samples, driver resets, boots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gpuwatch.model.snapshot import Column, Mask, Snapshot, absent, fitted

BOOT_GRACE_SECONDS = 600.0
KEPT_AS = "engine"
_KEPT = ("energy", "distinct_at", "reset_at", "boot_time")


class Pulse:
    """What the energy counter and the boot time tell.

    The exporter collects less often than it is scraped, so two polls can show one
    sample: a sample is new when the energy counter moved (where it is exported),
    else when it was scraped anew. A falling counter is a driver reset or a boot.
    """

    def __init__(self, kept: Mapping[tuple[str, str], Column]) -> None:
        self.energy, self.distinct_at, self.reset_at, self.boot_time = (
            kept.get((KEPT_AS, name), absent(0)) for name in _KEPT
        )
        self.collect_seconds = 30.0

    def after(self, snapshot: Snapshot) -> Pulse:
        """The pulse one snapshot later; this one stays as it is."""
        later = Pulse({})
        rows = snapshot.rows
        energy, seen = snapshot.column("energy_joules"), snapshot.sampled_at
        before = fitted(self.energy, rows)
        previous = fitted(self.distinct_at, rows)
        fresh = _is_new(energy, before, seen, previous)
        later.distinct_at = np.where(fresh, seen, previous)
        later.energy = np.where(np.isnan(energy), before, energy)
        reset = energy < before
        later.reset_at = np.where(reset, seen, fitted(self.reset_at, rows))
        later.collect_seconds = self._collect(later.distinct_at - previous, fresh)
        later._note_boots(self.boot_time, snapshot)
        return later

    def _collect(self, gaps: Column, fresh: Mask) -> float:
        known = gaps[fresh & (gaps > 0)]
        if len(known) == 0:
            return self.collect_seconds
        return float(0.8 * self.collect_seconds + 0.2 * np.median(known))

    def _note_boots(self, before: Column, snapshot: Snapshot) -> None:
        """A boot resets every GPU of its node, at the time at which it booted."""
        boot = snapshot.node_column("boot_time_seconds")
        known = fitted(before, len(boot))
        self.boot_time = np.where(np.isnan(boot), known, boot)
        booted = self.boot_time[snapshot.fleet.node_of[: snapshot.rows]]
        newer = np.isnan(self.reset_at) | (booted > self.reset_at)
        self.reset_at = np.where(newer & ~np.isnan(booted), booted, self.reset_at)

    def node_reset_at(self, snapshot: Snapshot) -> Column:
        """The last boot or driver reset seen on each node, NaN = none."""
        nodes = np.full(len(snapshot.fleet.nodes), -np.inf)
        resets = np.where(np.isnan(self.reset_at), -np.inf, self.reset_at)
        np.maximum.at(nodes, snapshot.fleet.node_of[: snapshot.rows], resets)
        booted = np.nan_to_num(fitted(self.boot_time, len(nodes)), nan=-np.inf)
        latest = np.maximum(nodes, booted)
        return np.where(np.isinf(latest), np.nan, latest)

    def in_grace(self, snapshot: Snapshot) -> Mask:
        """Rows whose node booted or reset within the last ten minutes."""
        resets = self.node_reset_at(snapshot)[snapshot.fleet.node_of[: snapshot.rows]]
        return np.nan_to_num(snapshot.at - resets, nan=np.inf) < BOOT_GRACE_SECONDS

    def columns(self) -> Mapping[tuple[str, str], Column]:
        """To be kept over a restart."""
        return {(KEPT_AS, name): getattr(self, name) for name in _KEPT}


def _is_new(energy: Column, before: Column, seen: Column, previous: Column) -> Mask:
    """First sight, a counter that moved, or a later scrape where there is none."""
    scraped = ~np.isnan(seen) & (np.isnan(previous) | (seen > previous))
    comparable = ~np.isnan(energy) & ~np.isnan(before)
    fresh: Mask = scraped & (~comparable | (energy != before))
    return fresh
