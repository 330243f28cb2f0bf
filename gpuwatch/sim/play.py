"""A scenario being played: faults, physics, counters, exporters, one tick at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from gpuwatch.sim.afflictions import Moment, impact_of
from gpuwatch.sim.crew import Crew
from gpuwatch.sim.effects import FALLEN_OFF_THE_BUS, GSP_XIDS
from gpuwatch.sim.faults import JOB, Fault, Timetable
from gpuwatch.sim.fields import fields_of
from gpuwatch.sim.floor import Floor
from gpuwatch.sim.gauges import Panel, accrue
from gpuwatch.sim.hardware import Bools, Floats, part_of
from gpuwatch.sim.impact import Impact, Places, no_impact
from gpuwatch.sim.ledger import Ledger
from gpuwatch.sim.phases import Rota, timeline
from gpuwatch.sim.plan import draw_character
from gpuwatch.sim.rails import Rails
from gpuwatch.sim.sheet import Doing
from gpuwatch.sim.silicon import Site, draw_site
from gpuwatch.sim.tick import Shown, Tick

if TYPE_CHECKING:
    from gpuwatch.sim.scenario import Scenario

PROMETHEUS_DOWN_SECONDS = 60.0
WARM_UP_SECONDS = 600.0
TOKENS_A_GPU = 9000.0
_REBOOTS = ("node_down", "reboot")
_NOT_A_COLUMN = "xid"


class Play:
    """One run of a scenario; `tick` takes times that only rise."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        nodes, each = scenario.nodes, scenario.gpus_per_node
        site = draw_site(scenario.rng(0), part_of(scenario.model), nodes, each)
        self._rng = scenario.rng(1)
        self._timetable = Timetable(list(scenario.faults))
        self._crews = [self._crew(index, site) for index in range(len(scenario.jobs))]
        self._floor = Floor(site, self._crews, nodes, each, scenario.rng(2))
        self._ledger = Ledger(scenario.rng(3), nodes, each)
        self._panel = Panel(site, scenario.rng(4))
        self._rails = Rails(scenario.rng(5), self._crews, nodes, each)
        self._names = [
            (field.name, field.key)
            for field in fields_of("current", scenario.csv)
            if field.key != _NOT_A_COLUMN
        ]
        self._shown: dict[str, Floats] = {}
        self._before: float | None = None
        self._warm_up()

    def tick(self, at_seconds: float) -> Tick:
        """Move on to a time and say what a scrape of everything would bring."""
        scenario = self.scenario
        interval = scenario.collect_seconds
        dt = interval if self._before is None else at_seconds - self._before
        self._before = at_seconds
        self._turn(at_seconds)
        impact = self._impact(at_seconds, interval)
        doing = self._floor.step(impact, at_seconds, dt)
        accrue(self._ledger, doing, impact, dt)
        self._rails.add(doing, impact, dt)
        self._collect(doing, impact)
        return self._scraped(at_seconds, impact, self._throughput(doing, at_seconds))

    def _throughput(self, doing: Doing, at_seconds: float) -> dict[str, float]:
        """Tokens a second, job by job; nothing of one that does not run."""
        found = {}
        for crew in self._crews:
            segment = crew.rota.segment_at(at_seconds)
            if segment and segment.nodes and crew.plan.kind != "inference":
                rate = float((doing.rate[crew.rows] / crew.load).sum())
                found[crew.plan.name] = rate * TOKENS_A_GPU
        return found

    def _crew(self, index: int, site: Site) -> Crew:
        scenario, plan = self.scenario, self.scenario.jobs[index]
        rng = scenario.rng(6, index)
        character = draw_character(rng, plan, site.cap_watts)
        nodes = np.array(plan.nodes)
        each = scenario.gpus_per_node
        rows = (nodes[:, None] * each + np.arange(each)).ravel()
        own = [fault for fault in scenario.faults if self._concerns(fault, index)]
        segments = timeline(plan, character, own, scenario.node_names)
        skew = rng.uniform(0, character.skew_seconds, len(nodes))
        table = Rota(plan, character, segments, skew)
        return Crew(plan, character, table, site, rows, each, rng)

    def _concerns(self, fault: Fault, index: int) -> bool:
        if fault.node == JOB:
            return index == 0
        node = self.scenario.node_names.index(fault.node)
        return node in self.scenario.jobs[index].nodes

    def _warm_up(self) -> None:
        nodes, each = self.scenario.nodes, self.scenario.gpus_per_node
        calm = no_impact(nodes, each)
        doing = self._floor.step(calm, -WARM_UP_SECONDS / 2, 15.0)
        self._floor.settle(doing.watts)
        self._ledger.warm_up(doing.watts)
        for row, code in self.scenario.sticky_xids:
            self._ledger.last_xid[row] = code

    def _turn(self, at_seconds: float) -> None:
        began, ended = self._timetable.turn(at_seconds)
        for fault in began:
            self._break(fault)
        for fault in ended:
            self._mend(fault)

    def _break(self, fault: Fault) -> None:
        if fault.node == JOB:
            return
        rows = self._rows(fault)
        if fault.kind == "xid":
            self._ledger.xid(rows, fault.code or 0, fault.start_seconds)
        elif fault.kind == "ecc":
            self._ledger.double_bit_error(rows, fault.start_seconds)
        elif fault.kind == "remap":
            self._ledger.total["remap_pending"][rows] = 1
            self._ledger.total["rows_remapped_correctable"][rows] += 1
            self._ledger.xid(rows, 63, fault.start_seconds)
        elif fault.kind == "counter_reset":
            self._ledger.reset(rows)

    def _mend(self, fault: Fault) -> None:
        fatal = fault.kind == "xid" and fault.code in {FALLEN_OFF_THE_BUS, *GSP_XIDS}
        if fatal or fault.kind in _REBOOTS:
            node = self.scenario.node_names.index(fault.node)
            self._ledger.reboot(slice(node, node + 1), fault.end_seconds or 0.0)
        if fault.kind in ("ecc", "gpu_lost", "remap"):
            self._ledger.reset(self._rows(fault))

    def _rows(self, fault: Fault) -> slice:
        each = self.scenario.gpus_per_node
        first = self.scenario.node_names.index(fault.node) * each
        if fault.gpu is None:
            return slice(first, first + each)
        return slice(first + fault.gpu, first + fault.gpu + 1)

    def _places(self, fault: Fault) -> Places:
        if fault.node != JOB:
            return self._rows(fault)
        return self._crews[0].rows if self._crews else slice(0, 0)

    def _impact(self, at_seconds: float, interval: float) -> Impact:
        moment = Moment(at_seconds, interval, self._rng)
        nodes, each = self.scenario.nodes, self.scenario.gpus_per_node
        active = self._timetable.active
        return impact_of(active, self._places, nodes, each, moment)

    def _collect(self, doing: Doing, impact: Impact) -> None:
        fresh = self._panel.read(self._ledger, doing, impact, self._floor.celsius)
        shown = {name: fresh[key] for name, key in self._names}
        if self._shown and impact.frozen.any():
            frozen = np.repeat(impact.frozen, self.scenario.gpus_per_node)
            old = self._shown
            shown = {k: np.where(frozen, old[k], new) for k, new in shown.items()}
        self._shown = shown

    def _scraped(
        self, at_seconds: float, impact: Impact, throughput: dict[str, float]
    ) -> Tick:
        scenario = self.scenario
        each = scenario.gpus_per_node
        gap = self._rng.random(scenario.nodes) < scenario.gap_share
        up = (~(impact.off | impact.failing | gap)).astype(float)
        host_up = (~impact.off).astype(float)
        if self._prometheus_away(at_seconds):
            up, host_up = np.full_like(up, np.nan), np.full_like(up, np.nan)
        answers = np.repeat(up == 1, each)
        boot = np.where(host_up == 1, self._ledger.boot_seconds, np.nan)
        hosts = (host_up == 1)[:, None]
        ports = self._rails.columns().items()
        return Tick(
            at_seconds=at_seconds,
            values=self._shown,
            present=answers & ~impact.hidden,
            exporter_up=up,
            node_exporter_up=host_up,
            node_values={"node_boot_time_seconds": boot},
            port_values={k: np.where(hosts, column, np.nan) for k, column in ports},
            xids=tuple(self._xids(at_seconds, answers & ~impact.mute)),
            job_of=self._floor.job_of(at_seconds),
            throughput=throughput,
        )

    def _prometheus_away(self, at_seconds: float) -> bool:
        return any(
            start <= at_seconds < start + PROMETHEUS_DOWN_SECONDS
            for start in self.scenario.prometheus_restarts
        )

    def _xids(self, at_seconds: float, answers: Bools) -> Iterator[Shown]:
        counted = self._ledger.xid_counts(at_seconds)
        for row in np.flatnonzero(self._ledger.last_xid):
            if not answers[row]:
                continue
            last = int(self._ledger.last_xid[row])
            counts = counted.get(int(row), Counter())
            for code in sorted({last, *counts}):
                if self.scenario.csv == "full":
                    yield Shown(int(row), code, float(counts[code]))
                elif code == last:
                    yield Shown(int(row), code, float("nan"))
