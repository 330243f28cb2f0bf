"""Correctable (single bit) memory errors at a rate that foretells worse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, forward_filled, moved

METRIC = "ecc_correctable_volatile"
LONG_SECONDS, SHORT_SECONDS = 900.0, 300.0
PARTS = 3


class EccCorrectableRate(Rule):
    """A GPU corrects memory errors at a rate at which boards die.

    What: more than 1 correctable error a second in each third of 15 minutes, or more
    than 10 a second in each third of 5 minutes; critical from 100 a second on. A single
    burst is not enough, and neither is a count that is high but stands still.

    Why: correction costs little, but a rate like this ends in uncorrectable errors; one
    dying GPU made 4,647 a second, and nothing reported it.

    First response: warning: drain the node after the job and run `dcgmi diag -r 3`.
    Critical: move the job away at the next checkpoint, reset the GPU, and have it
    replaced if the rate is back.

    Source: NVSentinel issue 1748 (4,647/s, then 17,657/s); peers.md section 5.
    """

    name = "ecc_correctable_rate"
    category = Category.MEMORY
    yields_to = ("xid", "ecc_uncorrectable")
    reads = (Read(METRIC, LONG_SECONDS),)

    class Params(RuleParams):
        """Rates above which it fires."""

        warning_per_second: float = Field(
            1.0, gt=0, description="errors a second, kept up for 15 minutes: a warning"
        )
        rapid_per_second: float = Field(
            10.0, gt=0, description="errors a second, kept up for 5 minutes: a warning"
        )
        critical_per_second: float = Field(
            100.0, gt=0, description="errors a second, kept up for 5 minutes: critical"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """By thirds of both windows; UNKNOWN until they are covered."""
        long, short = _slowest(window, LONG_SECONDS), _slowest(window, SHORT_SECONDS)
        critical = short > self.params.critical_per_second
        rapid = short > self.params.rapid_per_second
        firing = critical | rapid | (long > self.params.warning_per_second)
        quiet = short <= self.params.warning_per_second
        level = np.where(critical, Severity.CRITICAL, self.params.severity)
        return Verdicts(
            firing=firing,
            known=firing | quiet | ~np.isnan(long),
            severity=level.astype(np.int64),
            evidence={
                "correctable_errors_per_second": _rate(window, SHORT_SECONDS),
                "correctable_errors_since_driver_load": window.get(METRIC),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """The rate, and how soon to move the job."""
        rate = finding.value("correctable_errors_per_second", 0.0)
        shown = f"{rate:,.0f}".replace(",", " ") if rate >= 10 else f"{rate:.1f}"
        if finding.severity >= Severity.CRITICAL:
            action = (
                "Move the job away at the next checkpoint and reset the GPU; have it "
                "replaced if the rate is back."
            )
        else:
            action = "Drain the node after the job and run dcgmi diag -r 3."
        if rate > 0:
            return Words(f"{shown} correctable memory errors a second", action)
        return Words("Many correctable memory errors", action)


def _slowest(window: Window, seconds: float) -> Column:
    """The rate of the slowest third, per second; NaN where the window is not full."""
    values, times = window.history(METRIC, seconds), window.history_at(METRIC, seconds)
    whole = _covered(window, seconds)
    if not whole.any() or len(times) <= PARTS:
        return np.full(window.now.rows, np.nan)
    slowest = np.zeros(window.now.rows)
    rows = np.flatnonzero(moved(values) & whole)
    slowest[rows] = _slowest_part(values[:, rows], times)
    return np.where(whole, slowest, np.nan)


def _slowest_part(values: NDArray[np.float64], times: Column) -> Column:
    filled = forward_filled(values)
    before, after = filled[:-1], filled[1:]
    rise = np.nan_to_num(np.where(after >= before, after - before, after))
    edges = np.linspace(times[0], times[-1], PARTS + 1)
    part = np.clip(np.searchsorted(edges, times[1:], side="left") - 1, 0, PARTS - 1)
    rates = [_per_second(rise, times, part == number) for number in range(PARTS)]
    slowest: Column = np.fmin.reduce(rates)
    return slowest


def _per_second(rise: NDArray[np.float64], times: Column, mine: Mask) -> Column:
    lasted = float(np.diff(times)[mine].sum())
    total: Column = rise[mine].sum(axis=0)
    return total / lasted if lasted > 0 else np.full(rise.shape[1], np.nan)


def _covered(window: Window, seconds: float) -> Mask:
    """The readings reach back at least nine tenths of the window, and still come."""
    reach = window.span(METRIC, seconds) >= 0.9 * seconds
    whole: Mask = reach & ~np.isnan(window.get(METRIC))
    return whole


def _rate(window: Window, seconds: float) -> Column:
    span = window.span(METRIC, seconds)
    return window.increase(METRIC, seconds) / np.where(span > 0, span, np.nan)
