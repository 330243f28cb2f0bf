"""/metrics: gauges are set from the live values when they are asked for."""

from __future__ import annotations

import threading
from collections import Counter
from math import nan

from prometheus_client import generate_latest

from gpuwatch.engine.view import View
from gpuwatch.errors import StoreError
from gpuwatch.model.severity import Severity
from gpuwatch.telemetry import (
    GPUS,
    INCIDENTS,
    LAST_GOOD,
    OUTBOX_AGE,
    OUTBOX_SIZE,
    REGISTRY,
)
from gpuwatch.web.site import Site, heard_at

_ONE_SCRAPE = threading.Lock()


def exposition(site: Site) -> bytes:
    """Prometheus text format; clusters that are watched no longer are left out."""
    with _ONE_SCRAPE:
        for gauge in (LAST_GOOD, GPUS, INCIDENTS):
            gauge.clear()
        for name in site.clusters:
            LAST_GOOD.labels(name).set(0)
        for view in site.views().values():
            _set_cluster(view)
        _set_outbox(site)
        return generate_latest(REGISTRY)


def _set_cluster(view: View) -> None:
    LAST_GOOD.labels(view.cluster).set(heard_at(view))
    GPUS.labels(view.cluster, "present").set(view.gpus_present)
    GPUS.labels(view.cluster, "missing").set(view.gpus - view.gpus_present)
    count = Counter(i.severity for i in view.incidents if i.open)
    for severity in Severity:
        INCIDENTS.labels(view.cluster, severity.word).set(count[severity])


def _set_outbox(site: Site) -> None:
    """NaN when the store cannot say: no answer is not an empty outbox."""
    try:
        found: tuple[float, float] = site.store.backlog(site.clock())
    except StoreError:
        found = nan, nan
    OUTBOX_SIZE.set(found[0])
    OUTBOX_AGE.set(found[1])
