"""What every GPU of a scenario does at one instant and over the interval before it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpuwatch.sim.afflictions import SW_THERMAL
from gpuwatch.sim.crew import METERS, Crew, Work
from gpuwatch.sim.hardware import Bools, Floats, Ints
from gpuwatch.sim.impact import Impact
from gpuwatch.sim.phases import (
    DIP,
    EVAL,
    GLIMPSES,
    IDLE,
    PHASES,
    SPIN,
    START,
    WORK,
)
from gpuwatch.sim.physics import COOLING_SECONDS, GPU_IDLE, POWER_CAP
from gpuwatch.sim.sheet import Doing, Sheet, Table
from gpuwatch.sim.silicon import Site

PINNING_SECONDS = 20.0
SOFT_LIMIT_CELSIUS = 86.0
GLITCH_MHZ, GLITCH_WATTS = 345.0, 110.0
GLITCH_IN_DIP, GLITCH_AT_WORK = 0.03, 2e-5
AMBIENT_SWING_CELSIUS = 1.5
HOLDING_WATTS = 30.0
OVERSHOOT = 1.01


@dataclass
class Floor:
    """All jobs and the idle rest; heat is what time carries on."""

    site: Site
    crews: list[Crew]
    nodes: int
    gpus_per_node: int
    rng: np.random.Generator
    celsius: Floats = field(init=False)
    _idle_tables: dict[str, Table] = field(init=False)

    def __post_init__(self) -> None:
        self.celsius = self.site.ambient_celsius + 10.0
        self._idle_tables = self._at_rest()

    def job_of(self, at_seconds: float) -> Ints:
        """The crew that holds each GPU, int64[gpus], -1 = none."""
        found = np.full(self.nodes, -1, dtype=np.int64)
        for index, crew in enumerate(self.crews):
            segment = crew.rota.segment_at(at_seconds)
            if segment is not None:
                found[list(segment.nodes)] = index
        return np.repeat(found, self.gpus_per_node)

    def step(self, impact: Impact, now_seconds: float, dt_seconds: float) -> Doing:
        """Move on by dt and say what every GPU does."""
        self._throttle(impact)
        sheet = self._blank()
        for crew in self.crews:
            self._fill(sheet, crew, impact, now_seconds, dt_seconds)
        doing = self._doing(sheet, impact, self.job_of(now_seconds) >= 0)
        self._heat(impact, doing.watts, now_seconds, dt_seconds)
        return doing

    def settle(self, watts: Floats) -> None:
        """Start as if this power had been drawn for long."""
        self.celsius = self._target(watts, 0.0)

    def _throttle(self, impact: Impact) -> None:
        """A die beyond its limit lowers its own clock, where the fans have failed."""
        hot = np.repeat(impact.fans, self.gpus_per_node)
        over = np.where(hot, self.celsius - SOFT_LIMIT_CELSIUS, 0.0).clip(0, 15)
        impact.limit = np.minimum(
            impact.limit, np.where(over > 0, 1 - 0.04 * over, np.inf)
        )
        impact.bits |= np.where(over > 0, SW_THERMAL, 0)
        impact.heat_share = np.maximum(impact.heat_share, (over > 0) * 1.0)

    def _at_rest(self) -> dict[str, Table]:
        part, silicon = self.site.part, self.site.silicon
        count = self.nodes * self.gpus_per_node
        names = ("util", "engine", "tensor", "dram", "sm", "nvlink", "pcie", "rate")
        tables = {name: np.zeros((PHASES, count)) for name in names}
        tables["watts"] = np.tile(silicon.idle_watts, (PHASES, 1))
        tables["clock"] = np.full((PHASES, count), part.max_clock_mhz)
        tables["clock"][IDLE] = silicon.idle_mhz
        return tables

    def _blank(self) -> Sheet:
        count = self.nodes * self.gpus_per_node
        share = np.zeros((PHASES, count))
        share[IDLE] = 1.0
        return Sheet(
            tables={name: table.copy() for name, table in self._idle_tables.items()},
            share_of_time=share,
            now=np.zeros(count, dtype=np.int64),
            at_cap=np.zeros(count),
            gauge_sigma=np.full(count, 0.005),
            glimpse=np.zeros(count),
            moment=dict(
                zip(METERS, self.rng.standard_normal((len(METERS), count)), strict=True)
            ),
        )

    def _fill(
        self, sheet: Sheet, crew: Crew, impact: Impact, now: float, dt: float
    ) -> None:
        times = [now - dt + dt * (i + 1) / GLIMPSES for i in range(GLIMPSES)]
        phases = np.repeat(crew.rota.phases(times), self.gpus_per_node, axis=1)
        held = (phases != IDLE).any(axis=0)
        if not held.any():
            return
        rows = crew.rows[held]
        for phase in range(PHASES):
            hits = (phases[:, held] == phase).sum(axis=0)
            sheet.share_of_time[phase, rows] = hits / GLIMPSES
        sheet.now[rows] = phases[-1][held]
        work = crew.work(impact, now, dt)
        level = crew.rota.level(now)
        self._working(sheet, crew, work, level, held)
        if (phases[:, held] != WORK).any():
            self._pausing(sheet, crew, impact, work, held)
        sheet.at_cap[rows] = work.at_cap[held] * (level > 0.95)
        sheet.gauge_sigma[rows] = crew.character.gauge_sigma
        sheet.glimpse[rows] = crew.character.spin_glimpse

    def _working(
        self, sheet: Sheet, crew: Crew, work: Work, level: float, held: Bools
    ) -> None:
        rows, it = crew.rows, crew.character
        on = rows[held]
        noise = {
            meter: 1 + crew.offset[meter] + spread.moment * sheet.moment[meter][rows]
            for meter, spread in it.spreads.items()
        }
        wobble = 1 + it.spreads["power"].moment * sheet.moment["power"][rows]
        idle = self.site.silicon.idle_watts[rows]
        watts = idle + (work.watts * wobble - idle) * (0.5 + 0.5 * level)
        rate, present = work.rate * level, 1 - work.stalled
        lumps = self.rng.gamma(it.util_lumps, 1 / it.util_lumps, len(rows))
        util = (1 - work.stalled * lumps) * it.util_percent * noise["util"]
        sm = it.sm * crew.sm_level * (present - work.wait) + it.spin_sm * work.wait
        values = {
            "util": util.clip(0, 100),
            "engine": present * it.util_percent / 100,
            "tensor": work.tensor * level * noise["tensor"],
            "dram": it.dram * rate * noise["dram"],
            "sm": sm * noise["sm"],
            "nvlink": it.nvlink_mb * rate * noise["nvlink"].clip(0.1),
            "pcie": it.pcie_bytes * rate,
            "rate": rate,
            "watts": np.minimum(watts, self.site.cap_watts),
            "clock": work.share * crew.reference_mhz,
        }
        for name, column in values.items():
            sheet.put(name, WORK, on, held, column)

    def _pausing(
        self, sheet: Sheet, crew: Crew, impact: Impact, work: Work, held: Bools
    ) -> None:
        rows, it = crew.rows, crew.character
        on = rows[held]
        idle = self.site.silicon.idle_watts[rows]
        stuck = impact.stuck[rows]
        pauses: dict[str, dict[int, Floats | float]] = {
            "util": {
                START: 3.0,
                DIP: 15.0,
                EVAL: 94.0,
                SPIN: np.where(stuck, 0.0, 100.0),
            },
            "engine": {
                START: 0.02,
                DIP: 0.1,
                EVAL: 0.9,
                SPIN: np.where(stuck, 0.0, 0.998),
            },
            "tensor": {EVAL: 0.6 * it.tensor * work.rate},
            "dram": {START: 0.005, DIP: 0.01, EVAL: 0.8 * it.dram * work.rate},
            "sm": {START: 0.01, DIP: 0.02, EVAL: 0.7 * it.sm, SPIN: it.spin_sm},
            "nvlink": {EVAL: 0.5 * it.nvlink_mb * work.rate},
            "pcie": {START: 1e8, DIP: 5e8, EVAL: 0.5 * it.pcie_bytes * work.rate},
            "watts": {
                START: idle + 50,
                DIP: it.dip_watts,
                EVAL: idle + 0.78 * (work.watts - idle),
                SPIN: np.where(stuck, idle + HOLDING_WATTS, it.hung_watts),
            },
        }
        for name, by_phase in pauses.items():
            for phase, value in by_phase.items():
                sheet.put(name, phase, on, held, value)
        top = self.site.part.max_clock_mhz
        limit = np.minimum(impact.limit[rows] * crew.reference_mhz, top)
        for phase in (START, DIP, EVAL, SPIN):
            sheet.put("clock", phase, on, held, limit)

    def _doing(self, sheet: Sheet, impact: Impact, in_job: Bools) -> Doing:
        names = ("engine", "tensor", "dram", "sm", "nvlink", "pcie", "rate")
        meters = {name: sheet.mean(name).clip(0) for name in names}
        meters["util"] = sheet.at_now("util")
        watts = sheet.mean("watts")
        dice = self.rng.random((3, len(watts)))
        gauge = sheet.at_now("watts")
        gauge = gauge * (1 + sheet.gauge_sigma * self.rng.standard_normal(len(watts)))
        highest = self.site.cap_watts * OVERSHOOT
        clock = self._clock(sheet, impact, dice[0])
        working = sheet.now == WORK
        glitch = (sheet.now == DIP) & (dice[1] < GLITCH_IN_DIP)
        glitch |= working & (dice[1] < GLITCH_AT_WORK)
        clock = np.where(glitch, GLITCH_MHZ, clock)
        gauge = np.where(glitch, GLITCH_WATTS, np.minimum(gauge, highest))
        meters["util"] = np.where(glitch, 0.0, meters["util"])
        capped = working & (dice[2] < 0.99 * sheet.at_cap) & (impact.bits & 0xE8 == 0)
        bits = np.where(sheet.now == IDLE, GPU_IDLE, 0) | impact.bits
        return Doing(
            now=sheet.now,
            working=sheet.share_of_time[WORK],
            watts=watts,
            gauge_watts=gauge,
            clock_mhz=clock,
            bits=bits | np.where(capped, POWER_CAP, 0),
            meters=meters,
            rate=meters["rate"],
            in_job=in_job,
        )

    def _clock(self, sheet: Sheet, impact: Impact, dice: Floats) -> Floats:
        clock, top = sheet.at_now("clock"), self.site.part.max_clock_mhz
        working = sheet.now == WORK
        below = clock < top - 1
        noise = 1 + 0.003 * self.rng.standard_normal(len(clock)).clip(-3, 3)
        clock = np.where(working & below, clock * noise, clock)
        free = working & (dice < sheet.glimpse) & np.isinf(impact.limit)
        clock = np.where(free, top, clock)
        shown = np.where(sheet.now == IDLE, clock, impact.shown_limit * clock)
        return (np.minimum(clock, shown) / 15).round() * 15

    def _target(self, watts: Floats, now_seconds: float) -> Floats:
        site = self.site
        day = np.sin(2 * np.pi * now_seconds / 86_400) * AMBIENT_SWING_CELSIUS
        warmth = site.slot_celsius * watts / site.cap_watts
        ambient: Floats = site.ambient_celsius + day
        return ambient + warmth + site.watts_to_celsius * watts

    def _heat(
        self, impact: Impact, watts: Floats, now_seconds: float, dt_seconds: float
    ) -> None:
        target = self._target(watts, now_seconds) + impact.rise_celsius
        pinned = ~np.isnan(impact.pinned_celsius)
        target = np.where(pinned, np.fmax(target, impact.pinned_celsius), target)
        tau = np.where(pinned, PINNING_SECONDS, COOLING_SECONDS)
        keep = np.exp(-dt_seconds / tau)
        self.celsius = target + (self.celsius - target) * keep
