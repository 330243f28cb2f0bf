"""Memory rows that were replaced, wait to be, or cannot be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.causes import KEPT_CAUSES, Cause, alive, weighed
from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

REMAPPED = "rows_remapped_uncorrectable"
NEW_ROWS, ROSE_AT = "newly_remapped_rows", "rose_at_seconds"
TOLD_SECONDS = 3600.0
REPLACE = "Drain the node and have the board replaced; keep nvidia-smi -q as evidence."
RESET = "Drain the node when its job allows and reset the GPU to finish the remap."
WATCH = "Nothing now; run dcgmi diag -r 3 when the node is idle, and watch for more."


@dataclass(frozen=True)
class _Case:
    """One reading that fires at `least` and above."""

    metric: str
    severity: Severity
    summary: str
    action: str
    least: float = 1.0


# The first that holds heads the message.
CASES = (
    _Case(
        "row_remap_failed", Severity.CRITICAL, "Memory row remap failed", REPLACE
    ),
    _Case(
        "memory_unrepairable", Severity.CRITICAL, "Memory cannot be repaired", REPLACE
    ),
    _Case(
        REMAPPED, Severity.CRITICAL, "Memory has used up its remaps", REPLACE, 512.0
    ),
    _Case(
        "row_remap_pending", Severity.CRITICAL, "Row remap waits for GPU reset", RESET
    ),
    _Case(
        "pages_retired_pending", Severity.CRITICAL,
        "Page retirement waits for GPU reset", RESET,
    ),
    _Case(
        "sram_threshold_exceeded", Severity.WARNING, "SRAM errors over threshold",
        "Run field diagnostics when the node is idle; NVIDIA replaces such boards.",
    ),
    _Case(
        "banks_without_spare_rows", Severity.WARNING,
        "Memory banks without spare rows", "Plan to have the board replaced.",
    ),
    _Case(NEW_ROWS, Severity.WARNING, "Memory rows were remapped", WATCH),
)  # fmt: skip


class RowRemap(Rule):
    """A GPU's memory repaired itself, needs a reset for it, or can no more.

    What: critical: a remap failed, memory is unrepairable, 512 rows or more are
    remapped, or a remap (a page retirement before Ampere) waits for a reset. Warning:
    SRAM errors over the board's threshold, banks without spare rows, or rows newly
    remapped for uncorrectable errors within the hour.

    Why: rows are remapped only at a reset; until then the job runs on memory that has
    failed once. When the spare rows are used up, the next error cannot be repaired.

    First response: pending: drain and reset the GPU. Failed, unrepairable or used up:
    have the board replaced. Otherwise a diagnostic run when idle.

    Source: dcgm.md 3 and 4; 512 as in DCGM's health check; gpud and azurehpc: failed is
    a replacement, pending a reset.
    """

    name = "row_remap"
    category = Category.MEMORY
    yields_to = ("xid", "ecc_uncorrectable")
    yields_within_seconds = 600.0
    reads = (
        Read("row_remap_failed"),
        *(
            Read(metric, required=False)
            for metric in dict.fromkeys(case.metric for case in CASES)
            if metric not in (NEW_ROWS, "row_remap_failed")
        ),
    )

    class Params(RuleParams):
        """`severity` is not used: each state has its own."""

        hold: Seconds = Field(15.0, ge=0, description="must stand this long")

    def judge(self, window: Window) -> Verdicts:
        """Each state by itself; the loudest gives the severity."""
        before, since = window.recall(REMAPPED), window.recall(ROSE_AT)
        rows = alive(window, REMAPPED)
        new = rows > before
        since = np.where(new, window.now.at, since)
        since = np.where(window.now.at - since <= TOLD_SECONDS, since, np.nan)
        more = np.where(new, rows - before, window.recall(NEW_ROWS))
        more = np.where(np.isnan(since), np.where(np.isnan(rows), np.nan, 0.0), more)
        values = {case.metric: alive(window, case.metric) for case in CASES}
        values[NEW_ROWS] = np.where(np.isnan(rows), np.nan, more)
        found = weighed([_cause(c, values) for c in CASES], window.recall(KEPT_CAUSES))
        return Verdicts(
            firing=found.firing,
            known=found.known,
            severity=found.severity,
            evidence={n: np.where(v > 0, v, np.nan) for n, v in values.items()},
            keep={
                KEPT_CAUSES: found.bits,
                REMAPPED: np.fmax(rows, before),
                ROSE_AT: since,
                NEW_ROWS: np.where(np.isnan(since), np.nan, more),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """The worst state that holds."""
        for case in CASES:
            if finding.value(case.metric, 0.0) >= case.least:
                return Words(case.summary, case.action)
        return Words("Memory row remapping", WATCH)


def _cause(case: _Case, values: dict[str, Column]) -> Cause:
    value = values[case.metric]
    return Cause(value >= case.least, ~np.isnan(value), case.severity)
