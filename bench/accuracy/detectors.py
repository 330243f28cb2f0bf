"""What gpuwatch tells of one scenario: in memory, or out of a Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from bench.accuracy.alerts import Alert
from bench.accuracy.trace import Witness
from bench.ticks import (
    CLUSTER,
    SCRAPE_SECONDS,
    START,
    WARM_UP_SECONDS,
    Reader,
    engine_of,
)
from gpuwatch.app import build_core
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sim.openmetrics import JOB_SERIES as JOBS_EXPR
from gpuwatch.sim.openmetrics import THROUGHPUT_SERIES as THROUGHPUT_EXPR
from gpuwatch.sim.scenario import Scenario
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources import prometheus_source


@dataclass(frozen=True)
class Site:
    """What a site tells gpuwatch besides its exporters' series.

    `throughput`: it has `jobs.throughput_expr`. `jobs`: it has `jobs.expr`, so that
    jobs are known without a label too.
    """

    throughput: bool = False
    jobs: bool = False


def in_memory(scenario: Scenario, settings: Settings, site: Site) -> list[Alert]:
    """The alerts of gpuwatch, its snapshots made straight from the ticks."""
    engine = engine_of(settings)
    end = START + scenario.duration_seconds
    witness = Witness(engine, START + WARM_UP_SECONDS, end, SCRAPE_SECONDS)
    reader = Reader(scenario, throughput=site.throughput, jobs=site.jobs)
    outcome = witness.watch(reader.snapshots())
    return witness.alerts(outcome, START, scenario.gpus_per_node)


def through_prometheus(scenario: Scenario, url: str, site: Site) -> list[Alert]:
    """The alerts of gpuwatch, which asks a real Prometheus as `backtest` does."""
    settings = site_settings(url, site)
    source = prometheus_source(settings.prometheus[0], settings)
    core = build_core(source, settings, configured_rules(settings))
    end = START + scenario.duration_seconds
    try:
        witness = Witness(core.engine, START + WARM_UP_SECONDS, end, SCRAPE_SECONDS)
        past = source.history(core.plan, core.fleet, START, end, SCRAPE_SECONDS)
        outcome = witness.watch(past)
    finally:
        source.close()
    return witness.alerts(outcome, START, scenario.gpus_per_node)


def site_settings(url: str, site: Site) -> Settings:
    """What a site would write; nothing is tuned."""
    place = PrometheusSettings(url=url, name=CLUSTER, timeout=120)
    jobs: dict[str, str] = {"expr": JOBS_EXPR} if site.jobs else {}
    if site.throughput:
        jobs["throughput_expr"] = THROUGHPUT_EXPR
    return Settings.model_validate({"prometheus": [place], "jobs": jobs})
