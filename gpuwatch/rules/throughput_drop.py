"""A training job that does less work a second than it did half an hour ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.identity import Subject
from gpuwatch.model.job_record import (
    FEWEST_SAMPLES,
    Record,
    Sight,
    number_of,
    packed,
    unpacked,
)
from gpuwatch.model.lost import SECONDS_AN_HOUR
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.throughput import gpus_of, throughput_by_job
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

CRITICAL_LOSS_PERCENT = 10.0
STALLED_SHARE = 0.01
BEFORE_SECONDS = 60.0
KEPT = "jobs"
THROUGHPUT, EXPECTED = "throughput", "expected_throughput"
LOST, LOST_HOURS, GPUS = "lost_percent", "lost_gpu_hours", "job_gpus"


class ThroughputDrop(Rule):
    """A training job that does less work a second than it did half an hour ago.

    What: The job's own throughput (`jobs.throughput_expr`) is 10 % below the median of
    its last half hour at its stride, for more than five minutes; ten when all its GPUs
    stopped together (a checkpoint or an evaluation), or when it does nothing at all. It
    needs ten samples, so a start is none. UNKNOWN when the metric goes absent.

    Why: This is what the whole fleet is paid for. A slow GPU, host or link shows here,
    and so does what no GPU metric can show: data, code, network, storage.

    First response: Where a GPU or a node is to blame its own incident says so. Else
    look at the data loader, the file system and the network, then at what changed.

    Source: 10 % of the mean is the accepted threshold for a change (Falcon); mid-day
    heat moves a healthy job by 1-2 % (Llama 3). A `rate()` over five minutes shows a
    pause of five minutes for ten.
    """

    class Params(RuleParams):
        """Thresholds of throughput_drop."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(0.0, ge=0, description="must be bad this long after that")
        drop_percent: float = Field(
            10.0, gt=0, lt=100, description="below its own recent past"
        )
        pause: Seconds = Field(
            300.0, ge=0, description="a shorter drop is a pause; twice for a full stop"
        )

    name = "throughput_drop"
    category = Category.JOB
    statistical = True
    scope = Scope.JOB
    boot_grace = False
    yields_to = (
        "thermal_slowdown",
        "power_brake",
        "hw_slowdown",
        "straggler",
        "busy_straggler",
        "slow_host",
        "silent_rank",
        "xid",
        "gpu_missing",
        "node_silent",
        "job_hung",
        "rail_down",
        "rail_slow",
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """One verdict a job with throughput; all others are UNKNOWN."""
        now = window.now
        records = unpacked(window.kept.get(KEPT), now.at)
        seen: list[_Seen] = []
        for job, value in sorted(throughput_by_job(now).items()):
            number = number_of(job)
            sight = _sight(window, job, value)
            before = records.get(number, Record.blank())
            drop = self.params.drop_percent / 100
            records[number] = before.after(sight, drop, self.params.pause)
            seen.append(_Seen(job, sight, records[number]))
        keep = {KEPT: packed(records)} if seen or KEPT in window.kept else {}
        return self._verdicts(now.cluster, now.throughput_unit, seen, keep)

    def _verdicts(
        self,
        cluster: str,
        unit: str,
        seen: Sequence[_Seen],
        keep: Mapping[str, np.ndarray],
    ) -> Verdicts:
        low = np.array([one.low for one in seen], bool)
        firing = np.array([one.outlasts(self.params.pause) for one in seen], bool)
        learned = np.array([one.learned for one in seen], bool)
        lost = np.array([one.lost_percent for one in seen], float)
        own = int(self.params.severity)
        quiet = min(own, int(Severity.WARNING))
        return Verdicts(
            firing=firing,
            known=learned & (firing | ~low),
            subjects=tuple(Subject(cluster, job=one.job) for one in seen),
            severity=np.where(lost >= CRITICAL_LOSS_PERCENT, own, quiet),
            evidence={name: np.array([e[name] for e in map(_evidence, seen)], float)
                      for name in (THROUGHPUT, EXPECTED, LOST, LOST_HOURS, GPUS)},
            keep=keep,
            since=np.array([one.record.facts.low_since for one in seen], float),
            words=(unit,) * len(seen),
        )  # fmt: skip

    def explain(self, finding: Finding) -> Words:
        """How much is left of it."""
        left = 100 - finding.value(LOST, 0.0)
        if finding.value(THROUGHPUT, 1.0) == 0:
            summary = "Job stalled: its throughput is zero"
        elif left < 100:
            summary = f"Job at {left:.0f} % of its throughput"
        else:
            summary = "Job below its own throughput"
        return Words(
            summary,
            "If no GPU or node is named, look at the data loader, the file system and "
            "the network, then at what changed in the run.",
        )


@dataclass(frozen=True)
class _Seen:
    """A job, this cycle's sight of it, and its record after that."""

    job: str
    sight: Sight
    record: Record

    @property
    def learned(self) -> bool:
        """Enough is known of its past."""
        return len(self.record.samples) >= FEWEST_SAMPLES

    @property
    def low(self) -> bool:
        """It is below its past now."""
        return not np.isnan(self.record.facts.low_since)

    @property
    def lost_percent(self) -> float:
        """How much below; NaN while its past is not known."""
        return 100 * (1 - self.sight.value / self.record.expected)

    def outlasts(self, pause_seconds: float) -> bool:
        """It has been low for longer than any pause that it may be."""
        facts = self.record.facts
        stopped = self.sight.value <= STALLED_SHARE * self.record.expected
        paused = facts.dipped_at >= facts.low_since - BEFORE_SECONDS
        patience = pause_seconds * (2 if stopped or paused else 1)
        return self.sight.at - facts.low_since > patience


def _sight(window: Window, job: str, value: float) -> Sight:
    """With what its GPUs do, where anybody knows."""
    now, crew = window.now, window.crew
    at_stride, dipped = True, False
    if crew is not None:
        mine = np.array([name == job for name in crew.company.names], bool)
        if mine.any():
            at_stride = bool((crew.stride.reached & crew.stride.steady)[mine].any())
            dipped = bool((crew.stride.dipped_seconds[mine] > 0).any())
    return Sight(now.at, value, gpus_of(now, job), at_stride, dipped)


def _evidence(seen: _Seen) -> Mapping[str, float]:
    return {
        THROUGHPUT: seen.sight.value,
        EXPECTED: seen.record.expected,
        LOST: seen.lost_percent,
        LOST_HOURS: seen.record.facts.lost_gpu_seconds / SECONDS_AN_HOUR,
        GPUS: float(seen.sight.gpus),
    }
