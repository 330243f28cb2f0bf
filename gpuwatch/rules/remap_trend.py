"""Memory that goes on replacing rows: the spare ones will be used up."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.causes import alive
from gpuwatch.model.duration import Seconds, say_duration
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

UNCORRECTABLE = "rows_remapped_uncorrectable"
CORRECTABLE = "rows_remapped_correctable"
BANKS = "banks_without_spare_rows"
READS = (UNCORRECTABLE, CORRECTABLE, BANKS)
MOST_ROWS = 512.0
DAY_SECONDS = 86_400.0
EVENTS = 4
SOLID_EVENTS = 3
BANK_AT = "bank_at"
REMAPPED, RATE, LEFT = "rows_remapped", "rows_a_day", "days_to_last_row"


class RemapTrend(Rule):
    """A GPU's memory goes on replacing rows, day after day.

    What: Rows were remapped (for correctable or uncorrectable errors), or banks ran out
    of spare ones, on three different days within 30. Info; a warning when at this pace
    the 512 spare rows are used up within 30 days, or when banks without spare rows are
    among it. It ends when 14 days pass without another.

    Why: One remapped row is a repair; one more every few days is a board that fails
    slowly, and with no spare row left the next error cannot be repaired.

    First response: Nothing at once. Run `dcgmi diag -r 3` when the node is idle and
    plan to have the board replaced.

    Source: 512 rows as in DCGM's health check (dcgm.md section 3 and 11); Meta's lemon
    nodes and their 28 days of signals (arXiv 2410.21680). Three days: our choice, for a
    burst of rows within one day is one event.
    """

    class Params(RuleParams):
        """Thresholds of remap_trend; `severity` is the worst it says."""

        severity: Severity = Severity.WARNING
        notify: Notify = Notify.CHANNEL
        within: Seconds = Field(
            30 * DAY_SECONDS, gt=0, description="three days of remaps in this time"
        )
        quiet_for: Seconds = Field(
            14 * DAY_SECONDS, gt=0, description="over after this long without one"
        )
        used_up_within: Seconds = Field(
            30 * DAY_SECONDS, ge=0, description="a warning when the end is nearer"
        )

    name = "remap_trend"
    category = Category.MEMORY
    statistical = True
    boot_grace = False
    yields_to = ("xid", "ecc_uncorrectable", "row_remap")
    reads = (Read(UNCORRECTABLE), *(Read(m, required=False) for m in READS[1:]))
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Days with a rise; UNKNOWN without the remapped rows."""
        now, readings = (
            window.now.at,
            {metric: alive(window, metric) for metric in READS},
        )
        most = {m: np.fmax(v, window.recall(m)) for m, v in readings.items()}
        rose = [v > window.recall(m) for m, v in readings.items()]
        rows = np.nansum([most[UNCORRECTABLE], most[CORRECTABLE]], axis=0)
        times, counts, events = _noted(window, np.logical_or.reduce(rose), rows)
        bank_at = np.where(rose[-1], now, window.recall(BANK_AT))
        pace = _rows_a_day(times, counts, now, self.params.within)
        left = np.maximum(MOST_ROWS - rows, 0.0) / np.where(pace > 0, pace, np.nan)
        known = ~np.isnan(readings[UNCORRECTABLE])
        firing = known & self._goes_on(times, now)
        shown = {REMAPPED: rows, RATE: pace, LEFT: left, BANKS: readings[BANKS]}
        return Verdicts(
            firing=firing,
            known=known,
            severity=self._severity(left, now - bank_at),
            evidence={
                n: np.where(firing & (v >= 0), v, np.nan) for n, v in shown.items()
            },
            keep={**most, **events, BANK_AT: bank_at},
        )

    def _goes_on(self, times: NDArray[np.float64], now: float) -> Mask:
        recent = (now - times <= self.params.within).sum(axis=0)
        lately = now - times[-1] <= self.params.quiet_for
        goes_on: Mask = lately & (recent >= SOLID_EVENTS)
        return goes_on

    def _severity(self, left_days: Column, bank_age: Column) -> NDArray[np.int64]:
        soon = left_days * DAY_SECONDS < self.params.used_up_within
        loud = soon | (bank_age <= self.params.within)
        worst = min(Severity.WARNING, self.params.severity)
        return np.where(loud, worst, min(Severity.INFO, worst)).astype(np.int64)

    def explain(self, finding: Finding) -> Words:
        """How many rows, and when the last is used."""
        rows, left = finding.value(REMAPPED), finding.value(LEFT)
        shown = "" if np.isnan(rows) else f", {rows:.0f} of {MOST_ROWS:.0f}"
        end = "."
        if not np.isnan(left):
            when = say_duration(left * DAY_SECONDS)
            end = f"; at this pace the last is used in {when}."
        return Words(
            f"Memory keeps remapping rows{shown}",
            f"Run dcgmi diag -r 3 when idle and plan a replacement{end}",
        )


def _noted(
    window: Window, new: Mask, rows: Column
) -> tuple[Column, Column, dict[str, Column]]:
    """Times and row counts of the last four days with a remap, newest last.

    More on the same day belongs to that day, and keeps its time.
    """
    times = np.stack([window.recall(f"time_{n}") for n in range(EVENTS)])
    counts = np.stack([window.recall(f"rows_{n}") for n in range(EVENTS)])
    if not new.any():
        return times, counts, {}
    today = window.now.at // DAY_SECONDS == times[-1] // DAY_SECONDS
    other = new & ~today
    times[:, other] = np.roll(times[:, other], -1, axis=0)
    counts[:, other] = np.roll(counts[:, other], -1, axis=0)
    times[-1, other] = window.now.at
    counts[-1, new] = rows[new]
    keep = {f"time_{n}": times[n] for n in range(EVENTS)}
    return times, counts, keep | {f"rows_{n}": counts[n] for n in range(EVENTS)}


def _rows_a_day(times: Column, counts: Column, now: float, within: float) -> Column:
    """From the oldest remembered day within reach to now; NaN with fewer than three."""
    inside = now - times <= within
    first = inside.argmax(axis=0)[None, :]
    began = np.take_along_axis(times, first, axis=0)[0]
    at_first = np.take_along_axis(counts, first, axis=0)[0]
    days = (now - began) / DAY_SECONDS
    solid = (inside.sum(axis=0) >= SOLID_EVENTS) & (days > 0)
    return np.where(solid, counts[-1] - at_first, np.nan) / np.where(
        solid, days, np.nan
    )
