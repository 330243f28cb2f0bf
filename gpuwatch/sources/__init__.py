"""Readings in: from a Prometheus-like server, or from exporters directly."""

from __future__ import annotations

from gpuwatch.settings import ExportersSettings, PrometheusSettings, Settings
from gpuwatch.sources.exporters.source import ExporterSource
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.source import PrometheusSource


def naming_of(settings: Settings) -> Naming:
    """How this site names nodes and jobs; ConfigError when it cannot be so."""
    return Naming(
        node_labels=settings.node_labels,
        node_map=settings.node_map,
        job_labels=settings.jobs.labels,
    )


def jobs_of(settings: Settings) -> JobKnowledge:
    """Who knows the jobs of one cluster; ConfigError when a file cannot be used."""
    return JobKnowledge(settings.jobs, settings.topology, naming_of(settings))


def prometheus_source(
    cluster: PrometheusSettings, settings: Settings
) -> PrometheusSource:
    """The source of one cluster behind a Prometheus."""
    client = PrometheusClient(cluster, deadline_seconds=cluster.timeout)
    return PrometheusSource(
        cluster.name,
        client,
        naming_of(settings),
        cluster.max_sample_age,
        jobs=jobs_of(settings),
    )


def exporters_source(
    exporters: ExportersSettings, settings: Settings
) -> ExporterSource:
    """The source of one cluster whose exporters are scraped directly."""
    naming, jobs = naming_of(settings), jobs_of(settings)
    return ExporterSource(exporters.name, exporters.urls, naming, jobs=jobs)
