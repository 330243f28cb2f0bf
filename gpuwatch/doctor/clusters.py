"""All checks of one cluster, in the order in which one builds on another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gpuwatch.doctor.coverage import coverage
from gpuwatch.doctor.finding import Finding, fail, skip
from gpuwatch.doctor.gpus import gpus
from gpuwatch.doctor.jobs import jobs, throughput, topology
from gpuwatch.doctor.naming import generations, node_names
from gpuwatch.doctor.neighbours import node_exporter
from gpuwatch.doctor.pace import measured, pace
from gpuwatch.doctor.reach import clock_skew, reachable, unreachable
from gpuwatch.doctor.sight import Clock, Seen, Server, look
from gpuwatch.errors import SourceError
from gpuwatch.ports import Source
from gpuwatch.settings import PrometheusSettings, Settings
from gpuwatch.sources import exporters_source, prometheus_source
from gpuwatch.sources.prometheus.client import PrometheusClient

NOT_LOOKED = "not looked at: see above"


def clusters(settings: Settings) -> Iterator[Finding]:
    """Every configured cluster's findings, each with the cluster's name."""
    for cluster in settings.prometheus:
        for finding in _behind_prometheus(cluster, settings):
            yield replace(finding, cluster=cluster.name)
    if settings.exporters.urls:
        source = exporters_source(settings.exporters, settings)
        try:
            for finding in _of_exporters(source, settings):
                yield replace(finding, cluster=settings.exporters.name)
        finally:
            source.close()


def _behind_prometheus(
    cluster: PrometheusSettings, settings: Settings
) -> Iterator[Finding]:
    client = PrometheusClient(cluster, deadline_seconds=cluster.timeout)
    try:
        clock = Clock.read(client)
        yield reachable(client, clock)
        yield clock_skew(clock)
        server = Server.meet(client, settings, clock.server_at)
        yield from _answers(cluster, settings, server)
    except SourceError as error:
        yield unreachable(cluster, error)
        yield skip("readings", NOT_LOOKED)
    finally:
        client.close()


def _answers(
    cluster: PrometheusSettings, settings: Settings, server: Server
) -> Iterator[Finding]:
    """What one kind of query is refused (a managed service's limits) ends no other."""
    live: Mapping[str, int] = {}
    try:
        live = server.live()
        yield generations(live)
    except SourceError as error:
        yield fail("metric names", error.reason, "set prometheus.backend")
    yield node_names(server)
    try:
        yield pace(server, measured(server))
    except SourceError as error:
        yield skip("intervals", f"range queries are refused: {error.reason}")
    yield from _readings(cluster, settings, server, frozenset(live))


def _readings(
    cluster: PrometheusSettings,
    settings: Settings,
    server: Server,
    live: frozenset[str],
) -> Iterator[Finding]:
    source = prometheus_source(cluster, settings)
    try:
        seen = look(source, settings)
    finally:
        source.close()
    yield gpus(seen)
    if not len(seen.fleet):
        yield skip("rules", "no GPU to judge")
        return
    yield node_exporter(seen)
    yield jobs(seen, server.series)
    yield throughput(seen)
    yield topology(seen)
    yield from coverage(seen, live, server.book)


def _of_exporters(source: Source, settings: Settings) -> Iterator[Finding]:
    """Directly scraped: no names, no history, no other exporters to look at."""
    try:
        seen: Seen = look(source, settings)
    except SourceError as error:
        mend = "check exporters.urls: each must serve /metrics to this host"
        yield fail("exporters", error.reason, mend)
        return
    yield gpus(seen)
    if len(seen.fleet):
        yield jobs(seen, ())
        yield topology(seen)
        yield from coverage(seen, frozenset(), None)
