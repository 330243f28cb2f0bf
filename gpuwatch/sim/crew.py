"""One job's GPUs at work: a synchronous step is as long as its slowest member's.

A step of length T holds each GPU's own computing, the communication that all share,
and waiting for the others, in which a GPU spins at full clock. Work a second (tensor
activity x clock) is therefore the same for every rank of a data-parallel job.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.hardware import Floats, Ints
from gpuwatch.sim.impact import Impact
from gpuwatch.sim.phases import Rota
from gpuwatch.sim.plan import Character, JobPlan
from gpuwatch.sim.silicon import Site

METERS = ("power", "tensor", "dram", "sm", "nvlink", "util")
HOST_WAIT_WATTS = 45.0
CAP_REACHED = 0.987
_STAGE_TENSOR, _STAGE_POWER = 0.47, 0.15
_INFERENCE_SIGMA, _INFERENCE_SECONDS = 0.18, 240.0


@dataclass(frozen=True)
class Work:
    """What a working job's GPUs do, one value each of its rows.

    `rate`: work a second against a healthy step's; `wait`: share of the time spun
    away beyond what is usual; `stalled`: share without a kernel; `share`: the clock
    as a share of the reference; `watts`: the interval's mean.
    """

    rate: Floats
    wait: Floats
    stalled: Floats
    share: Floats
    watts: Floats
    tensor: Floats
    at_cap: Floats


@dataclass
class Crew:
    """One job on its rows, which are those of all nodes it was planned on."""

    plan: JobPlan
    character: Character
    rota: Rota
    site: Site
    rows: Ints
    gpus_per_node: int
    rng: np.random.Generator
    offset: dict[str, Floats] = field(init=False)
    load: Floats = field(init=False)
    power_level: Floats = field(init=False)
    sm_level: Floats = field(init=False)
    drift: Floats = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.rows)
        spreads = self.character.spreads
        self.offset = {
            meter: self.rng.normal(0, max(spreads[meter].own, 1e-9), count)
            for meter in METERS
        }
        if self.plan.kind == "inference":
            self.drift = self.rng.uniform(0.05, 0.95, count)
        else:
            self.drift = self.rng.normal(0, self.character.drift_sigma or 1e-9, count)
        self.load, self.power_level = self._stages()
        self.sm_level = np.ones(count)
        self.sm_level[:: self.gpus_per_node] -= self.character.rank_zero_loss
        self._usual_duty = self.drift.copy()

    @property
    def reference_mhz(self) -> float:
        """The clock that shares are taken of: the cap's, or the maximum."""
        part = self.site.part
        return self.site.sustained_mhz if self.plan.capped else part.max_clock_mhz

    def work(self, impact: Impact, now_seconds: float, dt_seconds: float) -> Work:
        """What the rows do now if the job is at work."""
        self._wander(dt_seconds)
        if self.plan.kind == "inference":
            return self._alone(impact)
        return self._together(impact, now_seconds)

    def _stages(self) -> tuple[Floats, Floats]:
        count, stages = len(self.rows), self.character.stages
        nodes = np.arange(count) // self.gpus_per_node
        stage = nodes * stages // (nodes[-1] + 1)
        place = self.rng.permutation(np.linspace(0, 1, stages))[stage]
        if stages == 1:
            return np.ones(count), np.ones(count)
        return 1 - _STAGE_TENSOR * 0.68 * place, 1 - _STAGE_POWER * place

    def _wander(self, dt_seconds: float) -> None:
        sigma, tau = self.character.drift_sigma, self.character.drift_seconds
        usual: Floats | float = 0.0
        if self.plan.kind == "inference":
            sigma, tau, usual = _INFERENCE_SIGMA, _INFERENCE_SECONDS, self._usual_duty
        if sigma == 0:
            return
        keep = math.exp(-dt_seconds / tau)
        dice = self.rng.normal(0, sigma * math.sqrt(1 - keep**2), len(self.rows))
        self.drift = usual + (self.drift - usual) * keep + dice

    def _own_share(self, now_seconds: float) -> Floats:
        """The clock of each GPU if nothing is wrong."""
        if not self.plan.capped:
            return np.ones(len(self.rows))
        day = 2 * math.pi * (now_seconds / 86_400 + self.character.skew_seconds)
        heat = 1 - self.character.diurnal * (0.5 + 0.5 * math.sin(day))
        share: Floats = self.site.silicon.lottery[self.rows] * heat
        return share

    def _together(self, impact: Impact, now_seconds: float) -> Work:
        rows, character = self.rows, self.character
        own = self._own_share(now_seconds)
        comm = character.communication_share
        load = self.load * (1 + self.drift)
        share = np.minimum(own, impact.limit[rows]) * impact.cycles[rows]
        memory = character.memory_share
        stall = impact.stall[rows]
        usual = (1 - comm) * load * ((1 - memory) / own + memory)
        mine = (1 - memory) / share + memory * impact.memory[rows]
        mine = (1 - comm) * load * mine * impact.slower[rows] + stall
        inside = self._inside(now_seconds)
        extra = float(np.max(impact.extra_comm[rows] * inside, initial=0.0))
        healthy = float(usual.max()) + comm
        step = float(np.max(mine * inside, initial=usual.max())) + comm + extra
        wait = 1 - (mine + comm) / step
        usual_wait = 1 - (usual + comm) / healthy
        wait = ((wait - usual_wait) / (1 - usual_wait)).clip(0, 1)
        return self._work(impact, own, load / step, wait, stall / step)

    def _inside(self, now_seconds: float) -> Floats:
        segment = self.rota.segment_at(now_seconds)
        members = () if segment is None else segment.nodes
        return np.isin(self.rows // self.gpus_per_node, members).astype(float)

    def _work(
        self, impact: Impact, own: Floats, rate: Floats, wait: Floats, stalled: Floats
    ) -> Work:
        rows, character = self.rows, self.character
        limit = impact.limit[rows]
        free = ((wait + stalled) / character.free_share).clip(0, 1)
        highest = self.site.part.max_clock_mhz / self.reference_mhz
        share = np.minimum(own + (highest - own) * free, limit)
        slowed = np.minimum(share / own, 1) * impact.cycles[rows]
        full = self._full_watts() * impact.intensity[rows]
        busy = (1 - wait - stalled).clip(0, 1)
        resting = self.site.silicon.idle_watts[rows] + HOST_WAIT_WATTS
        watts = full * self._power_left(slowed) * busy
        watts = watts + character.spin_watts * wait + resting * stalled
        tensor = character.tensor * rate / (share * impact.cycles[rows])
        at_cap = (1 - free) * (slowed >= 0.99) * self.plan.capped
        return Work(rate, wait, stalled, share, watts, tensor, at_cap)

    def _power_left(self, slowed: Floats) -> Floats:
        static = self.character.static_share
        return static + (1 - static) * slowed**self.character.power_exponent

    def _full_watts(self) -> Floats:
        level = CAP_REACHED if self.plan.capped else self.character.load_share
        power = self.power_level * (1 + self.offset["power"])
        return np.minimum(self.site.cap_watts * level * power, self.site.cap_watts)

    def _alone(self, impact: Impact) -> Work:
        rows = self.rows
        duty = self.drift.clip(0.01, 1.0)
        share = np.minimum(np.ones(len(rows)), impact.limit[rows])
        duty = np.minimum(duty / (share * impact.cycles[rows]), 1.0)
        idle = self.site.silicon.idle_watts[rows] + HOST_WAIT_WATTS
        full = self._full_watts() * self._power_left(share)
        return Work(
            rate=duty * share,
            wait=np.zeros(len(rows)),
            stalled=1 - duty,
            share=share,
            watts=idle + (full - idle) * duty,
            tensor=self.character.tensor * duty,
            at_cap=np.zeros(len(rows)),
        )
