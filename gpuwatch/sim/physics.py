"""The physics of one synchronous training job on a simulated fleet.

Loaded, a GPU meets its power limit (640-700 W, bit 0x4 nearly always set) at a clock
of its own within ±4 % (silicon lottery). A job's work rate is that of its slowest
member. Who waits spins at full clock and 100 % utilisation: power, tensor and DRAM
activity fall with the share of time spent in its own kernels, so tensor x clock is
the same for every rank. Power follows the square of a forced clock. Temperature
settles at a_slot + b * P with a time constant of 45 s and some 12 °C between the slots
under load; a cooling failure pins it near 90 °C within seconds, and throttling lasts
until the die has cooled below 85 °C. In a checkpoint the whole job falls together,
and its nodes come back up to 1.5 s apart. A job that hangs, or that has lost a member,
spins at 115 W until the member is back.

Limits: one job, no pipeline stages or rank roles, no communication time (a clock that
falls by half halves the work), no CPU, network or diurnal effects; a thermal fault
throttles from its first second while the sensor still climbs; errors (ECC, NVLink,
PCIe, an XID other than 79, 119 and 120) leave the job running; a lost job restarts at
once. Levels are plausible for H100 SXM, not fitted to measured traces.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.effects import Effects
from gpuwatch.sim.hardware import Bools, Floats, Ints, Part, Silicon

GPU_IDLE, POWER_CAP = 0x1, 0x4
SPIN_WATTS, DIP_WATTS = 115.0, 180.0
COOLING_SECONDS, FAILURE_SECONDS = 45.0, 6.0
RECOVERED_CELSIUS = 85.0
REJOIN_SECONDS = 1.5
TENSOR_ACTIVE, DRAM_ACTIVE, MEM_COPY_PERCENT = 0.42, 0.38, 45.0
BUSY_CAPPED, BUSY_FREE = 0.90, 0.80


@dataclass(frozen=True)
class Job:
    """The synchronous job: its members, and how it checkpoints."""

    members: Bools
    rejoin_seconds: Floats
    period_seconds: float
    checkpoint_seconds: float

    def dipped(self, now_seconds: float) -> Bools:
        """Members in a checkpoint, or not yet back from one."""
        if self.period_seconds <= 0 or self.checkpoint_seconds <= 0:
            return np.zeros_like(self.members)
        phase = now_seconds % self.period_seconds
        leaving = (now_seconds >= self.period_seconds) & (phase < self.rejoin_seconds)
        saving = phase >= self.period_seconds - self.checkpoint_seconds
        return self.members & (leaving | saving)


@dataclass(frozen=True)
class Shape:
    """How the work is shared out; `busy` is the share of time in one's own kernels."""

    in_job: Bools
    working: Bools
    spinning: Bools
    dipped: Bools
    rate: Floats
    busy: Floats

    @property
    def idle(self) -> Bools:
        """GPUs without a kernel."""
        return ~(self.working | self.spinning | self.dipped)


@dataclass(frozen=True)
class Load:
    """What every GPU is doing now, and what that costs."""

    shape: Shape
    clock_mhz: Floats
    power_watts: Floats
    reasons: Ints


@dataclass
class Machine:
    """The whole fleet's state that time carries on: heat and latched throttling."""

    part: Part
    silicon: Silicon
    job: Job
    rng: np.random.Generator
    celsius: Floats = field(init=False)
    latched_reasons: Ints = field(init=False)
    latched_factor: Floats = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.silicon.slot)
        start = np.where(
            self.job.members, self.part.power_limit_watts - 20, self.silicon.idle_watts
        )
        self.celsius = self.settled_celsius(start)
        self.latched_reasons = np.zeros(count, dtype=np.int64)
        self.latched_factor = np.ones(count)

    def settled_celsius(self, power_watts: Floats) -> Floats:
        """Where the temperature goes at a power: a_slot + b * P."""
        slot, part = self.silicon.slot, self.part
        load = (power_watts - part.idle_watts) / part.power_limit_watts
        return 27.8 + 6.0 * slot + (30.0 + 7.2 * slot) * load

    def step(self, effects: Effects, now_seconds: float, dt_seconds: float) -> Load:
        """Move the fleet on by dt and say what every GPU is doing then."""
        self._latch(effects)
        load = self._load(effects, now_seconds)
        self._heat(effects, load.power_watts, dt_seconds)
        return load

    def _latch(self, effects: Effects) -> None:
        """Thermal throttling outlives its cause until the die has cooled."""
        failing = ~np.isnan(effects.pinned_celsius)
        cool = ~failing & (self.celsius < RECOVERED_CELSIUS)
        self.latched_reasons[failing] = effects.reasons[failing]
        self.latched_factor[failing] = effects.clock_factor[failing]
        self.latched_reasons[cool] = 0
        self.latched_factor[cool] = 1.0
        effects.reasons |= self.latched_reasons
        effects.clock_factor = np.minimum(effects.clock_factor, self.latched_factor)

    def _heat(self, effects: Effects, power_watts: Floats, dt_seconds: float) -> None:
        failing = ~np.isnan(effects.pinned_celsius)
        settled = self.settled_celsius(power_watts) + effects.rise_celsius
        goal = np.where(failing, effects.pinned_celsius, settled)
        constant = np.where(failing, FAILURE_SECONDS, COOLING_SECONDS)
        self.celsius += (goal - self.celsius) * -np.expm1(-dt_seconds / constant)

    def _load(self, effects: Effects, now_seconds: float) -> Load:
        running = self.job.members & (not effects.job_over)
        in_job = running & ~effects.gone
        stalled = effects.hung or bool((running & effects.gone).any())
        nobody = np.zeros_like(in_job)
        dipped = nobody if stalled else in_job & self.job.dipped(now_seconds)
        waits = stalled or bool(dipped.any())
        spinning = in_job & ~dipped & ~effects.stuck if waits else nobody
        working = nobody if waits else in_job
        rate, busy = self._share(working, effects.clock_factor)
        shape = Shape(running, working, spinning, dipped, rate, busy)
        return self._powered(shape, effects)

    def _share(self, working: Bools, factor: Floats) -> tuple[Floats, Floats]:
        """The common work rate, and the time each needs of its own for it."""
        pace = self.part.sustained_mhz * self.silicon.lottery * factor
        slowest = pace[working].min() if working.any() else 0.0
        rate = np.where(working, slowest / self.part.sustained_mhz, 0.0)
        return rate, np.where(working, slowest / pace, 0.0)

    def _powered(self, shape: Shape, effects: Effects) -> Load:
        reasons = np.where(shape.idle, GPU_IDLE, 0) | effects.reasons
        at_limit = shape.working & (shape.busy >= BUSY_CAPPED - 0.05)
        capped = at_limit & (effects.clock_factor >= 1) & self._chance(0.97)
        return Load(
            shape,
            self._clock(shape, effects.clock_factor),
            self._power(shape, effects.clock_factor),
            reasons | np.where(capped, POWER_CAP, 0),
        )

    def _chance(self, probability: float) -> Bools:
        return self.rng.random(len(self.silicon.slot)) < probability

    def _noise(self, sigma: float) -> Floats:
        return 1 + self.rng.normal(0, sigma, len(self.silicon.slot)).clip(-0.02, 0.02)

    def _clock(self, shape: Shape, factor: Floats) -> Floats:
        part = self.part
        own = part.sustained_mhz * self.silicon.lottery
        capped = ((shape.busy - BUSY_FREE) / (BUSY_CAPPED - BUSY_FREE)).clip(0, 1)
        free = part.max_clock_mhz + (own - part.max_clock_mhz) * capped
        clock = np.where(shape.working, np.where(factor < 1, own * factor, free), 0)
        resting = np.where(shape.idle, self.silicon.idle_mhz, part.max_clock_mhz)
        resting = np.where(shape.dipped & self._chance(0.03), 345.0, resting)
        limit = part.max_clock_mhz * factor
        clock = np.where(shape.working, clock, np.minimum(resting, limit))
        noise = np.where(shape.working & (clock < limit), self._noise(0.003), 1.0)
        return (clock * noise / 15).round() * 15

    def _power(self, shape: Shape, factor: Floats) -> Floats:
        limit = self.part.power_limit_watts
        spin, dip = SPIN_WATTS / 700 * limit, DIP_WATTS / 700 * limit
        full = spin + (limit - 4 - spin) * shape.busy * factor**2
        power = np.where(shape.working, full, self.silicon.idle_watts)
        power = np.where(shape.spinning, spin, power)
        power = np.where(shape.dipped, dip, power)
        return np.minimum(power * self._noise(0.006), limit)
