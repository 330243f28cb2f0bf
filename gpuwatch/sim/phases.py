"""When a job works, starts, saves, evaluates, hangs or is gone: its timetable."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.effects import FALLEN_OFF_THE_BUS, GSP_XIDS
from gpuwatch.sim.faults import Fault
from gpuwatch.sim.hardware import Floats, Ints
from gpuwatch.sim.plan import Character, JobPlan

IDLE, START, WORK, DIP, EVAL, SPIN = range(6)
PHASES = 6
GLIMPSES = 5
DRAIN_DOWN_SECONDS, RESTART_DOWN_SECONDS = 20.0, 40.0
_DEADLY = ("gpu_lost", "node_down", "reboot")
_FATAL_XIDS = (FALLEN_OFF_THE_BUS, *GSP_XIDS, 48, 95)
# The program dies of these, but its node can go on.
_CRASH_XIDS = (74, 94)
CRASH_SECONDS = 30.0


@dataclass(frozen=True)
class Segment:
    """A stretch of one job's life: its phase and who is in it.

    A WORK segment contains its checkpoints and evaluations, counted from its begin.
    """

    begin: float
    phase: int
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class _Stop:
    at: float
    hang_seconds: float
    down_seconds: float
    lost: tuple[int, ...] = ()
    dark: bool = False


def kills_job(fault: Fault) -> bool:
    """Whether a job that has the faulty place in it cannot go on."""
    fatal = fault.kind == "xid" and fault.code in _FATAL_XIDS
    return fault.kind in _DEADLY or fault.kind == "ecc" or fatal


def timeline(
    plan: JobPlan, character: Character, faults: Sequence[Fault], names: Sequence[str]
) -> list[Segment]:
    """The job's segments in order; it ends with an empty one if it ends at all.

    `faults` are those of its own nodes and, for the first job, those of "*".
    """
    members, segments = plan.nodes, _starting(plan.start_seconds, plan.nodes, character)
    # What happened to a node before the job began is mended by then.
    due = (
        s for s in _stops(plan, character, faults, names) if s.at >= plan.start_seconds
    )
    stops = sorted(due, key=lambda stop: stop.at)
    for stop in stops:
        members = tuple(node for node in members if node not in stop.lost)
        if stop.at < segments[-1].begin:  # it is down already; they will be missing
            segments = [_without(segment, stop) for segment in segments]
            continue
        segments += _stopping(stop, members if stop.dark else segments[-1].nodes)
        again = stop.at + stop.hang_seconds + stop.down_seconds
        if math.isfinite(again):
            segments += _starting(again, members, character)
    ends = [f.start_seconds for f in faults if f.kind == "job_end"]
    return _cut(segments, min([plan.end_seconds or math.inf, *ends]))


def _without(segment: Segment, stop: _Stop) -> Segment:
    if segment.begin < stop.at or (segment.phase == SPIN and not stop.dark):
        return segment
    nodes = tuple(node for node in segment.nodes if node not in stop.lost)
    return Segment(segment.begin, segment.phase, nodes)


def _starting(at: float, nodes: tuple[int, ...], character: Character) -> list[Segment]:
    return [
        Segment(at, START, nodes),
        Segment(at + character.start_seconds, WORK, nodes),
    ]


def _stopping(stop: _Stop, nodes: tuple[int, ...]) -> Iterator[Segment]:
    if stop.hang_seconds > 0:
        yield Segment(stop.at, SPIN, nodes)
    if math.isfinite(stop.hang_seconds):
        yield Segment(stop.at + stop.hang_seconds, IDLE, ())


def _cut(segments: list[Segment], end: float) -> list[Segment]:
    if math.isinf(end):
        return segments
    kept = [segment for segment in segments if segment.begin < end]
    return [*kept, Segment(end, IDLE, ())]


def _stops(
    plan: JobPlan, character: Character, faults: Sequence[Fault], names: Sequence[str]
) -> Iterator[_Stop]:
    for at, down in plan.restarts:
        yield _Stop(at, 0.0, down)
    for fault in faults:
        if fault.kind == "hang":
            end = math.inf if fault.end_seconds is None else fault.end_seconds
            yield _Stop(
                fault.start_seconds, end - fault.start_seconds, RESTART_DOWN_SECONDS
            )
        if fault.kind == "xid" and fault.code in _CRASH_XIDS:
            yield _Stop(fault.start_seconds, CRASH_SECONDS, RESTART_DOWN_SECONDS)
        if kills_job(fault):
            timeout, lost = character.timeout_seconds, (names.index(fault.node),)
            dark = fault.kind in ("node_down", "reboot")
            yield _Stop(fault.start_seconds, timeout, RESTART_DOWN_SECONDS, lost, dark)
        if fault.kind == "drain":
            lost = (names.index(fault.node),)
            yield _Stop(fault.start_seconds, 0.0, DRAIN_DOWN_SECONDS, lost)


@dataclass
class Rota:
    """One job's phases by node; `skew` is when each of `nodes` leaves a pause."""

    plan: JobPlan
    character: Character
    segments: list[Segment]
    skew: Floats
    _begins: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self._begins = [segment.begin for segment in self.segments]

    def segment_at(self, at_seconds: float) -> Segment | None:
        """The segment that holds then; None before the job exists."""
        index = bisect_right(self._begins, at_seconds) - 1
        return self.segments[index] if index >= 0 else None

    def level(self, at_seconds: float) -> float:
        """How far the job has got up to speed since it (re)started, 0.3 to 1."""
        segment = self.segment_at(at_seconds)
        if segment is None or segment.phase != WORK:
            return 1.0
        age = at_seconds - segment.begin
        return min(1.0, 0.3 + 0.7 * age / self.character.ramp_seconds)

    def phases(self, times: Sequence[float]) -> Ints:
        """The phase of each of the plan's nodes at each time, int64[times, nodes]."""
        return np.stack([self._phases(at) for at in times])

    def _phases(self, at: float) -> Ints:
        nodes = len(self.plan.nodes)
        segment = self.segment_at(at)
        if segment is None:
            return np.full(nodes, IDLE, dtype=np.int64)
        phase = np.full(nodes, segment.phase, dtype=np.int64)
        if segment.phase == WORK:
            phase = self._paused(at - segment.begin, phase)
        if len(segment.nodes) < nodes:
            phase[~np.isin(self.plan.nodes, segment.nodes)] = IDLE
        return phase

    def _paused(self, age: float, phase: Ints) -> Ints:
        plan = self.plan
        late = age < self.skew
        phase[late & (age < plan.checkpoint_period_seconds)] = DIP
        for period, length, code in (
            (plan.evaluation_period_seconds, plan.evaluation_seconds, EVAL),
            (plan.checkpoint_period_seconds, plan.checkpoint_seconds, DIP),
        ):
            if 0 < period <= age:
                phase[age % period < length + self.skew] = code
        return phase
