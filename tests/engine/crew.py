"""A synchronous job in a few lines of numpy, judged by a real engine.

Not the simulator: another hand's view of the same facts (every rank does the same work
a second; who waits spins at full clock with less power), so that the detectors are not
tuned to one generator.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.rules import builtin_rules

Floats = NDArray[np.float64]
START = 1_700_000_000.0
H100 = "NVIDIA H100 80GB HBM3"
LIMIT_WATTS, SPIN_WATTS, IDLE_WATTS, MAX_CLOCK = 700.0, 230.0, 75.0, 1980.0


@dataclass
class Rank:
    """How every GPU is now, float64[gpus]: 1.0 = as it should be.

    `pace`: share of its own work a second at full clock (slow memory, slow host);
    `clock`: share of its own clock; `fed`: share of the time in which it has work;
    `phase`: 1 training, 0 idle between steps (checkpoint), NaN = no job.
    """

    pace: Floats
    clock: Floats
    fed: Floats
    phase: Floats
    bits: NDArray[np.int64]
    hung: bool = False
    silent: Sequence[int] = ()
    gone: Sequence[int] = ()


Fault = Callable[[Rank, float], None]


@dataclass
class Job:
    """One job on `nodes` x 8 GPUs, a tick every `step_seconds`."""

    nodes: int = 6
    seed: int = 1
    step_seconds: float = 15.0
    capped: bool = True
    stock: bool = False
    name: str = "4211"
    checkpoint_every: float = 600.0
    checkpoint_seconds: float = 30.0
    communication: float = 0.15
    stages: Sequence[float] = (1.0,)
    faults: list[tuple[float, Fault]] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = 8 * self.nodes
        rng = self.rng = np.random.default_rng(self.seed)
        self.lottery = 1 + rng.normal(0, 0.025, count).clip(-0.06, 0.06)
        self.slot_celsius = np.tile(np.linspace(0, 13, 8), self.nodes)
        self.skew = np.repeat(rng.uniform(0, 1.5, self.nodes), 8)
        self.stage = np.repeat(np.resize(self.stages, self.nodes), 8)
        self.energy = rng.uniform(1e6, 1e7, count)
        names = [f"node-{n:02}" for n in range(self.nodes)]
        cards = [
            Gpu(names[n], f"GPU-{n}-{s}", "", s, H100)
            for n in range(self.nodes)
            for s in range(8)
        ]
        self.fleet = Fleet("train", cards, names)

    def _ranks(self, at: float) -> Rank:
        count = len(self.lottery)
        ones = np.ones(count)
        rank = Rank(
            ones.copy(), ones.copy(), ones.copy(), ones.copy(), np.zeros(count, int)
        )
        phase = (at - self.skew) % self.checkpoint_every
        saving = phase >= self.checkpoint_every - self.checkpoint_seconds
        rank.phase[saving] = 0.0
        for start, fault in self.faults:
            if at >= start:
                fault(rank, at - start)
        return rank

    def snapshot(self, at: float) -> Snapshot:
        rank = self._ranks(at)
        values = self._columns(rank)
        present = np.ones(len(self.lottery), bool)
        present[list(rank.gone)] = False
        columns = {k: np.where(present, v, np.nan) for k, v in values.items()}
        now = START + at
        labelled = np.where(present & (self.name != ""), 0, -1)
        return Snapshot(
            cluster="train",
            at=now,
            fleet=self.fleet,
            columns=columns,
            sampled_at=np.where(present, now, np.nan),
            node_columns={"exporter_up": np.ones(self.nodes)},
            xids_known=present,
            job_of=labelled if self.name else None,
            jobs=(self.name,) if self.name else (),
        )

    def _columns(self, rank: Rank) -> dict[str, Floats]:
        found = self._readings(*self._physics(rank))
        if self.stock:
            found.pop("throttle_reasons")
        return found

    def _physics(self, rank: Rank) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Clock, watts, utilisation, tensor activity and bits of every GPU."""
        own = 0.85 * MAX_CLOCK if self.capped else MAX_CLOCK
        free = own * (self.lottery if self.capped else 1.0)
        pace = free * rank.clock * rank.pace * rank.fed
        working = rank.phase > 0
        slowest = pace[working].min() if working.any() and not rank.hung else 0.0
        busy = np.where(working, slowest / pace, 0.0) * (1 - self.communication)
        if rank.hung:
            busy = np.zeros_like(busy)
        clock = np.where(working, free * rank.clock, MAX_CLOCK)
        watts = np.where(working, self._watts(rank, busy), 180.0)
        util = np.where(working, 100 * rank.fed, 25.0)
        if rank.hung:
            watts, util = np.full_like(watts, 125.0), np.full_like(util, 100.0)
            watts[list(rank.silent)], util[list(rank.silent)] = IDLE_WATTS, 0.0
        tensor = 0.5 * self.stage * slowest / np.maximum(clock, 1)
        tensor = np.where(working & (not rank.hung), tensor, 0.0)
        capped = self.capped & working & (rank.clock >= 1) & (busy > 0.7)
        bits = rank.bits | np.where(capped, 0x4, 0)
        return clock, watts, util, tensor, bits.astype(float)

    def _watts(self, rank: Rank, busy: Floats) -> Floats:
        full = (LIMIT_WATTS - 10) * self.stage
        watts = SPIN_WATTS + (full - SPIN_WATTS) * busy / (1 - self.communication)
        # a starved GPU rests where the others spin
        watts = IDLE_WATTS + (watts - IDLE_WATTS) * rank.fed
        slowed: Floats = np.where(rank.clock < 1, watts * rank.clock**1.5, watts)
        return slowed

    def _readings(
        self, clock: Floats, watts: Floats, util: Floats, tensor: Floats, bits: Floats
    ) -> dict[str, Floats]:
        celsius = 30 + self.slot_celsius + 35 * watts / LIMIT_WATTS
        self.energy = self.energy + watts * self.step_seconds
        return {
            "sm_clock_megahertz": (clock * self._noise(0.003) / 15).round() * 15,
            "memory_clock_megahertz": np.full_like(clock, 2619.0),
            "power_watts": watts * self._noise(0.008),
            "energy_joules": self.energy,
            "utilization_percent": (util * self._noise(0.004)).clip(0, 100).round(),
            "memory_copy_percent": np.where(tensor > 0, 40 * self._noise(0.01), 0),
            "tensor_active_ratio": tensor * self._noise(0.015),
            "dram_active_ratio": 0.8 * tensor * self._noise(0.01),
            "gpu_temperature_celsius": celsius.round(),
            "memory_temperature_celsius": (celsius + 8).round(),
            "max_sm_clock_megahertz": np.full_like(clock, MAX_CLOCK),
            "power_limit_watts": np.full_like(clock, LIMIT_WATTS),
            "throttle_reasons": bits,
        }

    def _noise(self, sigma: float) -> Floats:
        return 1 + self.rng.normal(0, sigma, len(self.lottery)).clip(
            -3 * sigma, 3 * sigma
        )


class Life:
    """An engine that watches one job; it can be copied, and go on twice."""

    def __init__(self, job: Job, rules: Sequence[Rule] | None = None) -> None:
        self.job = job
        self._engine = Engine(
            rules or [r.configured({}) for r in builtin_rules().values()],
            Memory("train"),
        )
        self._step = 0
        self._found: dict[str, Incident] = {}

    def until(self, seconds: float) -> Life:
        """Go on to that time."""
        while self._step * self.job.step_seconds <= seconds:
            snapshot = self.job.snapshot(self._step * self.job.step_seconds)
            step = self._engine.step(snapshot)
            self._engine.committed(step)
            self._found.update({i.id: i for i in step.incidents})
            self._step += 1
        return self

    def struck(self, fault: Fault, after_seconds: float) -> Life:
        """Another life, in which the fault begins now; so long after it."""
        other = copy.deepcopy(self)
        now = self._step * self.job.step_seconds
        other.job.faults.append((now - self.job.step_seconds + 1, fault))
        return other.until(now + after_seconds)

    @property
    def remembered(self) -> Mapping[tuple[str, str], Floats]:
        """The columns that a restart would give back."""
        return self._engine.whole(START).kept

    @property
    def incidents(self) -> list[Incident]:
        """All of its life but absorbed ones, oldest first."""
        alone = [i for i in self._found.values() if i.merged_into is None]
        return sorted(alone, key=lambda i: i.detected_at)

    @property
    def told(self) -> list[Incident]:
        """Those of warning or above."""
        return [i for i in self.incidents if i.severity >= Severity.WARNING]


def brief(incident: Incident) -> tuple[str, str, Any]:
    """Rule, node and GPU (None unless exactly one)."""
    nodes = set(incident.nodes)
    return (
        incident.lead,
        nodes.pop() if len(nodes) == 1 else "",
        incident.only.gpu if incident.only else None,
    )


def clock_locked(row: int, share: float) -> Fault:
    def fault(rank: Rank, _: float) -> None:
        rank.clock[row] = share

    return fault


def slow_inside(row: int, share: float) -> Fault:
    """Slow memory: late at full clock."""

    def fault(rank: Rank, _: float) -> None:
        rank.pace[row] = share

    return fault


def starved(rows: Sequence[int], share: float) -> Fault:
    def fault(rank: Rank, _: float) -> None:
        rank.fed[list(rows)] = share

    return fault


def hung(silent: Sequence[int] = ()) -> Fault:
    def fault(rank: Rank, _: float) -> None:
        rank.hung, rank.silent = True, silent

    return fault


def with_bits(row: int, bits: int, share: float) -> Fault:
    def fault(rank: Rank, _: float) -> None:
        rank.bits[row], rank.clock[row] = bits, share

    return fault


def all_slower(share: float) -> Fault:
    """The network: everybody waits, nobody is late."""

    def fault(rank: Rank, _: float) -> None:
        rank.pace[:] = share

    return fault
