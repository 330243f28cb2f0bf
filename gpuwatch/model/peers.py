"""A GPU beside its peers: how far it is off, and how far off it usually is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.model.company import Company
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Window

FEWEST_PEERS = 6
LEARNED_SECONDS = 120.0
HORIZON_SECONDS = 1800.0
LONGEST_STEP_SECONDS = 90.0
# One stray sample (a clock read between two kernels) must not move the habit.
STRAY_BOUND = 0.03


@dataclass(frozen=True)
class Beside:
    """One quantity of every row beside the median of its group, float64[rows].

    `usual` is the group's median, NaN with fewer than six known peers; `off` the
    difference as a share of it (-0.12 = 12 % below).
    """

    usual: Column
    off: Column


def beside(company: Company, values: Column, among: Mask) -> Beside:
    """Compare `values` with the median of those of the group that are `among`."""
    medians = company.medians(np.where(among, values, np.nan), FEWEST_PEERS)
    usual = company.spread(medians)
    return Beside(usual, values / np.where(usual > 0, usual, np.nan) - 1)


@dataclass(frozen=True)
class Habit:
    """How far off a row usually is, and for how long that has been watched.

    A slow mean over half an hour takes up silicon lottery, slot and role. It is
    bounded, so that a fault that stood from the beginning is not learned whole, and
    learns only while the row is not suspected.
    """

    name: str
    bound: float = 0.06

    def recall(self, window: Window) -> tuple[Column, Column]:
        """The usual offset (0 where none is known), and the seconds it rests on."""
        offset = np.nan_to_num(window.recall(f"{self.name}_offset"))
        return offset, np.nan_to_num(window.recall(f"{self.name}_seconds"))

    def learn(
        self, window: Window, off: Column, trusted: Mask, passed: Column
    ) -> dict[str, Column]:
        """What is to be kept after this reading."""
        offset, seconds = self.recall(window)
        learns = trusted & ~np.isnan(off)
        constant = np.minimum(np.maximum(seconds, passed), HORIZON_SECONDS)
        share = np.where(constant > 0, passed / np.maximum(constant, 1.0), 1.0)
        strayed = np.clip(np.nan_to_num(off) - offset, -STRAY_BOUND, STRAY_BOUND)
        moved = offset + np.where(
            seconds > 0, strayed, np.nan_to_num(off)
        ) * np.minimum(share, 1.0)
        bounded = np.clip(moved, -self.bound, self.bound)
        return {
            f"{self.name}_offset": np.where(learns, bounded, offset),
            f"{self.name}_seconds": seconds + np.where(learns, passed, 0.0),
        }


def passed_seconds(window: Window) -> Column:
    """Since the rule last judged, a value a row; 0 at first sight."""
    return seconds_since(window.recall("at"), window.now.at)


def seconds_since(at: Column, now: float) -> Column:
    """What a step may teach: never negative, bounded by a hole, 0 at first sight."""
    return np.nan_to_num(np.clip(now - at, 0.0, LONGEST_STEP_SECONDS))
