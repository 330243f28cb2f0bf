"""Readings in: from a Prometheus-like server, or from exporters directly."""

from __future__ import annotations

from gpuwatch.settings import ExportersSettings, PrometheusSettings, Settings
from gpuwatch.sources.exporters.source import ExporterSource
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.sources.prometheus.source import PrometheusSource


def naming_of(settings: Settings) -> Naming:
    """How this site names nodes and jobs; ConfigError when it cannot be so."""
    return Naming(
        node_labels=settings.node_labels,
        node_map=settings.node_map,
        job_labels=settings.jobs.labels,
    )


def prometheus_source(
    cluster: PrometheusSettings, settings: Settings
) -> PrometheusSource:
    """The source of one cluster behind a Prometheus."""
    client = PrometheusClient(cluster, deadline_seconds=cluster.timeout)
    return PrometheusSource(
        cluster.name, client, naming_of(settings), cluster.max_sample_age
    )


def exporters_source(
    exporters: ExportersSettings, settings: Settings
) -> ExporterSource:
    """The source of one cluster whose exporters are scraped directly."""
    return ExporterSource(exporters.name, exporters.urls, naming_of(settings))
