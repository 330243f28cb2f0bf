"""Correctable memory errors that grow from day to day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.causes import alive
from gpuwatch.model.duration import Seconds, say_duration
from gpuwatch.model.replay import STATE, TOLD, Replay
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Notify, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.tally import DAY_SECONDS, due, tallied
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

METRIC = "ecc_correctable_volatile"
LAST_DAY, GROWTH, LEFT = "errors_on_last_day", "growth_a_day", "days_to_alarm_rate"
ALARM_PER_DAY = 86_400.0
COMPARED_DAYS = 3
REPLAY = Replay(DAY_SECONDS, (LAST_DAY, GROWTH, LEFT))


class EccTrend(Rule):
    """Correctable memory errors grow from day to day on one GPU.

    What: Three complete days (UTC), each with at least 1.5 times the correctable errors
    of the day before, the last with 100 or more. Info; a warning when at that growth
    the rate of ecc_correctable_rate (one a second) is less than 3 days away. It ends
    with a day that has no more than the day before. UNKNOWN until the GPU was seen for
    three days; a day counts when four fifths of it were seen.

    Why: Memory that wears out shows it in correctable errors first, while nothing is
    lost yet; the board can be changed between two jobs.

    First response: Nothing at once. Run `dcgmi diag -r 3` when the node is idle; plan
    a replacement if the count goes on growing.

    Source: NVSentinel issue 1748 (a dying board's rate rose to 17,657/s unnoticed);
    peers.md section 5. No published figure for the growth: 1.5 times on two days and
    100 errors keep the scatter of small counts out.
    """

    class Params(RuleParams):
        """Thresholds of ecc_trend; `severity` is the worst it says."""

        severity: Severity = Severity.WARNING
        notify: Notify = Notify.CHANNEL
        growth_ratio: float = Field(1.5, gt=1, description="so much more each day")
        least_count: float = Field(
            100.0, gt=0, description="errors on the last day, fewer are no trend"
        )
        alarm_within: Seconds = Field(
            3 * DAY_SECONDS, ge=0, description="a warning when the rate is nearer"
        )

    name = "ecc_trend"
    category = Category.MEMORY
    statistical = True
    boot_grace = False
    yields_to = ("xid", "ecc_uncorrectable", "ecc_correctable_rate", "row_remap")
    reads = (Read(METRIC),)
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """A look every ten minutes, a verdict a day."""
        counter = alive(window, METRIC)
        if not due(window):
            return REPLAY.again(window, ~np.isnan(counter))
        tally = tallied(window, counter)
        older, old, new = tally.days[-COMPARED_DAYS:]
        known = ~np.isnan(older + old + new) & ~np.isnan(counter)
        firing = known & self._grows(window, older, old, new)
        growth = np.sqrt(new / np.where(older > 0, older, np.nan))
        left = _days_to_alarm(new, growth)
        severity = self._severity(left)
        shown = {LAST_DAY: new, GROWTH: growth, LEFT: left}
        kept = REPLAY.kept(window.now.at, firing, known, severity, shown)
        return Verdicts(
            firing=firing,
            known=known,
            severity=severity,
            evidence={name: kept[TOLD + name] for name in shown},
            keep={**kept, **tally.keep},
        )

    def _grows(self, window: Window, older: Column, old: Column, new: Column) -> Mask:
        """It began to grow, or it grew and still does."""
        ratio = self.params.growth_ratio
        steady = (older > 0) & (old >= older * ratio) & (new >= old * ratio)
        began = steady & (new >= self.params.least_count)
        grows: Mask = began | ((window.recall(STATE) > 0) & (new > old))
        return grows

    def _severity(self, left_days: Column) -> NDArray[np.int64]:
        soon = left_days * DAY_SECONDS < self.params.alarm_within
        worst = min(Severity.WARNING, self.params.severity)
        return np.where(soon, worst, min(Severity.INFO, worst)).astype(np.int64)

    def explain(self, finding: Finding) -> Words:
        """The last day's count, and when the rate would be alarming."""
        count, left = finding.value(LAST_DAY), finding.value(LEFT)
        number = f"{count:,.0f}".replace(",", " ")
        shown = "" if np.isnan(count) else f", {number} a day"
        soon = "."
        if not np.isnan(left):
            soon = f"; an alarming rate is {say_duration(left * DAY_SECONDS)} away."
        return Words(
            f"Correctable errors grow daily{shown}",
            f"Run dcgmi diag -r 3 when the node is idle; plan a replacement{soon}",
        )


def _days_to_alarm(errors: Column, growth: Column) -> Column:
    """Days until so many a day, growing so much each day, are one a second."""
    ratio = ALARM_PER_DAY / np.fmax(errors, 1.0)
    days = np.log(ratio) / np.log(np.where(growth > 1, growth, np.nan))
    return np.maximum(days, 0.0)
