"""Simulated ticks as the engine's snapshots, without a Prometheus in between.

The same samples that `sim.openmetrics` would write, at the same scrapes: with a collect
interval above the scrape interval one tick is seen twice, and some scrapes fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bench.ports import PortColumns
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.replay import judge as judge_all
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.metric import Absence, Metric, SourceName, catalogue
from gpuwatch.model.snapshot import Column, Snapshot, Xids
from gpuwatch.model.version import driver_code
from gpuwatch.settings import Settings
from gpuwatch.sim.hardware import DRIVER_VERSION
from gpuwatch.sim.play import PROMETHEUS_DOWN_SECONDS
from gpuwatch.sim.scenario import Scenario, Tick
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources.decode import impossible, scaled

CLUSTER = "bench"
START = 1_790_000_010.0  # a whole number of 30 s, so that polls and ticks agree
SCRAPE_SECONDS = 15.0
# What stands after ten minutes was found on arrival; the first fault comes after 18.
WARM_UP_SECONDS = 600.0


def judge(
    scenario: Scenario, settings: Settings | None = None, *, throughput: bool = False
) -> Outcome:
    """One scenario, in memory, through a fresh engine with these settings' rules."""
    engine = engine_of(settings or Settings())
    seen = Reader(scenario, throughput=throughput).snapshots()
    first, end = START + WARM_UP_SECONDS, START + scenario.duration_seconds
    return judge_all([engine], seen, first, end, SCRAPE_SECONDS)[0]


def engine_of(settings: Settings) -> Engine:
    """A fresh engine with these settings' rules."""
    return Engine(configured_rules(settings), Memory(CLUSTER))


class Reader:
    """What every scrape of a scenario brings.

    `throughput`: whether the site has `jobs.throughput_expr`; `jobs`: whether it has
    `jobs.expr`, so that jobs are known without a label too.
    """

    def __init__(
        self, scenario: Scenario, *, throughput: bool = False, jobs: bool = False
    ) -> None:
        self._scenario, self._tells_work = scenario, throughput
        self._job_source = "labels" if scenario.labels else "expr" if jobs else ""
        self._rng = scenario.rng(7)
        self._fleet = fleet_of(scenario)
        self._jobs = tuple(job.name for job in scenario.jobs)
        self._ports = PortColumns(scenario.nodes, scenario.gpus_per_node)
        self._columns: dict[str, Column] = {}

    def snapshots(self) -> Iterator[Snapshot]:
        """One a scrape, oldest first."""
        scenario = self._scenario
        calm = replace(scenario, gap_share=0.0, prometheus_restarts=())
        scrape, last = 0, scenario.duration_seconds + 1e-9
        for tick in calm.ticks():
            self._columns = columns_of(tick)
            until = min(tick.at_seconds + scenario.collect_seconds, last)
            while scrape * SCRAPE_SECONDS < until:
                yield self._snapshot(tick, scrape * SCRAPE_SECONDS)
                scrape += 1

    def _snapshot(self, tick: Tick, at_seconds: float) -> Snapshot:
        scenario, at = self._scenario, START + at_seconds
        away = self._away(at_seconds)
        gap = self._rng.random(scenario.nodes) < scenario.gap_share
        present = tick.present & ~np.repeat(gap, scenario.gpus_per_node) & (not away)
        up = np.where(gap, 0.0, tick.exporter_up)
        hosts = {"exporter_up": up, "node_exporter_up": tick.node_exporter_up}
        boots = tick.node_values["node_boot_time_seconds"]
        hosts["boot_time_seconds"] = boots + START
        hosts |= self._ports.take(at, tick.port_values)
        return Snapshot(
            cluster=CLUSTER,
            at=at,
            fleet=self._fleet,
            columns={k: np.where(present, v, np.nan) for k, v in self._columns.items()},
            sampled_at=np.where(present, at, np.nan),
            node_columns={k: v + np.nan if away else v for k, v in hosts.items()},
            xids=self._xids(tick, gap, away=away),
            xids_known=present & (scenario.csv == "full" or bool(tick.xids)),
            job_of=np.where(present, tick.job_of, -1) if self._job_source else None,
            jobs=self._jobs if self._job_source else (),
            job_source=self._job_source,
            throughput=tick.throughput if self._tells_work and not away else {},
        )

    def _away(self, at_seconds: float) -> bool:
        """Whether Prometheus itself is not there."""
        restarts = self._scenario.prometheus_restarts
        return any(s <= at_seconds < s + PROMETHEUS_DOWN_SECONDS for s in restarts)

    def _xids(self, tick: Tick, gap: np.ndarray, *, away: bool) -> Xids:
        """Where the windowed count is exported, the sticky gauge has no say."""
        each = self._scenario.gpus_per_node
        shown = [] if away else [x for x in tick.xids if not gap[x.row // each]]
        shown = [x for x in shown if np.isnan(x.count) or x.count > 0]
        return Xids(
            row=np.array([x.row for x in shown], np.int64),
            code=np.array([x.code for x in shown], np.int64),
            count=np.array([x.count for x in shown], np.float64),
        )


def fleet_of(scenario: Scenario) -> Fleet:
    """Every GPU, a row each, in the scenario's order."""
    cards = [
        Gpu(who.node, who.uuid, "", who.index, scenario.model) for who in scenario.gpus
    ]
    instances = {f"{node}:9400": node for node in scenario.node_names}
    return Fleet(CLUSTER, cards, list(scenario.node_names), instances=instances)


def columns_of(tick: Tick) -> dict[str, Column]:
    """Columns by logical name, in our units; impossible values absent."""
    found: dict[str, Column] = {}
    for metric in catalogue().values():
        if metric.scope == "node" or metric.kind in ("event", "label"):
            continue
        values = [
            (s, tick.values[s.name]) for s in metric.names if s.name in tick.values
        ]
        if values:
            found[metric.name] = _joined(metric, values)
    found["driver_version"] = np.full(len(tick.job_of), driver_code(DRIVER_VERSION))
    return found


def _joined(metric: Metric, values: list[tuple[SourceName, Column]]) -> Column:
    """The first name that says something; of error counters the largest."""
    ours = [scaled(raw, source.scale or 1.0) for source, raw in values]
    column = np.where(impossible(ours[0], metric), np.nan, ours[0])
    for other in ours[1:]:
        clean = np.where(impossible(other, metric), np.nan, other)
        if metric.absence is Absence.ZERO:
            column = np.fmax(column, clean)
        else:
            column = np.where(np.isnan(column), clean, column)
    return column
