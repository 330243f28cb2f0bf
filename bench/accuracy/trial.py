"""One scenario before all detectors, in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from bench.accuracy.alerts import Alert
from bench.accuracy.detectors import Site, in_memory
from bench.accuracy.matching import Result, score
from bench.accuracy.serve import through_server
from bench.ticks import SCRAPE_SECONDS, WARM_UP_SECONDS
from gpuwatch.settings import Settings
from gpuwatch.sim.scenario import Scenario

GPUWATCH, MINDER = "gpuwatch", "Minder-like"
NOTHING_TOLD = Site()
COMMUNITY, EXPERT = "community rules", "expert's PromQL"
DETECTORS = (GPUWATCH, EXPERT, COMMUNITY, MINDER)


@dataclass(frozen=True)
class Errand:
    """One scenario and how it is to be judged."""

    scenario: Scenario
    memory_only: bool = False
    site: Site = NOTHING_TOLD


@dataclass(frozen=True)
class Verdict:
    """One scenario's results by detector, and what was said, for the curious."""

    scenario: str
    results: Mapping[str, Result]
    alerts: Mapping[str, Sequence[Alert]]
    took_seconds: float


def run(errands: Sequence[Errand], workers: int) -> Iterator[Verdict]:
    """All of them, as they are done."""
    if workers <= 1:
        yield from map(judged, errands)
        return
    with ProcessPoolExecutor(workers) as pool:
        running = [pool.submit(judged, errand) for errand in errands]
        for done in as_completed(running):
            yield done.result()


def judged(errand: Errand) -> Verdict:
    """Every detector's result on one scenario."""
    began = time.perf_counter()
    scenario = errand.scenario
    if errand.memory_only:
        said = in_memory(scenario, Settings(), errand.site)
        alerts, lag = {GPUWATCH: said}, 0.0
    else:
        told = through_server(scenario, errand.site)
        alerts, lag = dict(zip(DETECTORS, told, strict=True)), SCRAPE_SECONDS
    results = {
        name: score(scenario, told, WARM_UP_SECONDS, lag)
        for name, told in alerts.items()
    }
    return Verdict(scenario.name, results, alerts, time.perf_counter() - began)
