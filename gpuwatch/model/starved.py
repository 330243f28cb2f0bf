"""GPUs that are left without work while the rest of their job waits for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpuwatch.model.company import Company
from gpuwatch.model.load import at_work
from gpuwatch.model.peers import Habit, beside, passed_seconds
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.stride import RECENT_SECONDS, Crew
from gpuwatch.model.throttle import HARDWARE
from gpuwatch.model.window import Read, Window, has_bits

BUSY = "utilization_percent"
ENGINE = "graphics_active_ratio"
CLOCK = "sm_clock_megahertz"
CLOCK_TOLERANCE = 0.06
LEARNED_SECONDS = 240.0
SLOWED = 0.97
# A starved GPU rests, so it draws no more than those who wait for it.
POWER_TOLERANCE = 0.01
# Even where the job's pace tells nothing: all of a node, by both measures.
STRONG_POWER, STRONG_BUSY = 0.05, 1.25
FEWEST_OF_NODE, MOST_OF_NODE = 4, 0.75
# Mean absolute wandering of a GPU's place; healthy training stays well below.
MOST_RESTLESS = 0.02
MOST_RESTLESS_JOB = 0.012
TIMES_RESTLESS = 8.0
RESTLESS_HORIZON_SECONDS = 900.0
BUSY_HABIT, POWER_HABIT = Habit("busy", 0.25), Habit("power", 0.35)
READS = (
    Read("power_limit_watts", required=False),
    Read(BUSY, 60.0),
    Read("power_watts", 60.0),
    Read(ENGINE, 60.0, required=False),
    Read(CLOCK),
    Read("throttle_reasons", required=False),
    Read("tensor_active_ratio", 60.0, required=False),
)
KEEPS = (
    "busy_offset", "busy_seconds", "power_offset", "power_seconds", "restless", "at",
)  # fmt: skip


@dataclass(frozen=True)
class Starved:
    """Arrays over rows; `less_*` are shares below the usual place in the job."""

    firing: Mask
    known: Mask
    busy: Mask
    less_busy: Column
    less_power: Column
    keep: dict[str, Column]


def starved(window: Window, crew: Crew, least_busy: float) -> Starved:
    """Rows that are less busy than usual beside their job, and draw no more power."""
    company = crew.company
    working = at_work(window) & window.now.present
    engaged = beside(company, _engaged(window), working).off
    watts = beside(company, crew.stride.recent_watts, working).off
    busy_habit, seconds = BUSY_HABIT.recall(window)
    power_habit, _ = POWER_HABIT.recall(window)
    less_busy, less_power = busy_habit - engaged, power_habit - watts
    restless = np.nan_to_num(window.recall("restless"))
    usual = company.spread(company.medians(np.where(working, restless, np.nan)))
    calm = (restless <= MOST_RESTLESS) & ~(usual > MOST_RESTLESS_JOB)
    readings = engaged + watts + window.get(CLOCK)
    scored = working & crew.settled & ~np.isnan(readings)
    known = scored & (seconds >= LEARNED_SECONDS) & calm
    apart = np.maximum(least_busy, TIMES_RESTLESS * restless)
    below = (less_busy >= apart) & (less_power >= -POWER_TOLERANCE)
    strong = (less_power >= STRONG_POWER) & (less_busy >= STRONG_BUSY * apart)
    strong = strong & below & known
    below = (below & ~(crew.pace > SLOWED)) | _whole_node(window, strong, working)
    firing = known & below & _clock_is_normal(window, company, working)
    trusted = scored & (less_busy < least_busy / 2)
    keep = _kept(window, engaged, watts, trusted, scored & ~firing)
    return Starved(firing, known, working, less_busy, less_power, keep)


def _whole_node(window: Window, strong: Mask, working: Mask) -> Mask:
    """Rows of nodes most of whose working GPUs are clearly less busy: its host's doing.

    The pace of the others may hide such a loss, where it is measured by power.
    """
    node_of = window.now.fleet.node_of[: window.now.rows]
    nodes = len(window.now.fleet.nodes)
    some = np.bincount(node_of[strong], minlength=nodes)
    busy = np.bincount(node_of[working], minlength=nodes)
    whole = (some >= FEWEST_OF_NODE) & (some >= MOST_OF_NODE * busy)
    return strong & whole[node_of]


def _engaged(window: Window) -> Column:
    """How busy, 0-100: the lesser of utilisation and engine activity."""
    percent = _middle(window, BUSY)
    engine = _middle(window, ENGINE) * 100
    return np.fmin(percent, engine)


def _middle(window: Window, metric: str) -> Column:
    """The median of the last 45 s: one stray sample is no starving."""
    values = np.sort(window.history(metric, RECENT_SECONDS), axis=0)
    known = (~np.isnan(values)).sum(axis=0)
    rows = np.arange(values.shape[1])
    low, high = np.maximum(known - 1, 0) // 2, known // 2
    high = np.minimum(high, len(values) - 1)
    middle = (values[low, rows] + values[high, rows]) / 2
    return np.where(np.isnan(window.get(metric)), np.nan, middle)


def _clock_is_normal(window: Window, company: Company, working: Mask) -> Mask:
    off = beside(company, window.get(CLOCK), working).off
    bits = has_bits(window.get("throttle_reasons"), HARDWARE)
    normal: Mask = ~bits & ~(off < -CLOCK_TOLERANCE)
    return normal


def _kept(
    window: Window, engaged: Column, watts: Column, trusted: Mask, watched: Mask
) -> dict[str, Column]:
    passed = passed_seconds(window)
    offset, _ = BUSY_HABIT.recall(window)
    strayed = np.abs(engaged - offset)
    before = np.nan_to_num(window.recall("restless"))
    share = np.where(watched & ~np.isnan(strayed), passed, 0) / RESTLESS_HORIZON_SECONDS
    restless = before + (np.nan_to_num(strayed) - before) * np.minimum(share, 1.0)
    return {
        **BUSY_HABIT.learn(window, engaged, trusted, passed),
        **POWER_HABIT.learn(window, watts, trusted, passed),
        "restless": restless,
        "at": np.full(window.now.rows, window.now.at),
    }
