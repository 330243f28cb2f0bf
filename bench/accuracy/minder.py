"""A detector like Minder (NSDI'25), without the auto-encoder: straggler.md section 2.

Windows of 8 samples, one metric at a time in Minder's order, min-max normalised; the
sum of the pairwise Euclidean distances within the job as a z-score; whoever is the
farthest beyond 5 for four minutes without a break is told. Minder compares machines; a
z-score of n machines cannot exceed sqrt(n - 1), so here GPUs are compared (as in the
feasibility study that it is taken from), and the node has to stay the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.accuracy.alerts import NEVER, Alert, Firing, as_alerts
from gpuwatch.sim.scenario import Scenario, Tick

Floats = NDArray[np.float64]
WINDOW, Z_LIMIT, SAME_SUSPECT_SECONDS = 8, 5.0, 240.0
FEWEST = 4
# Its order without what DCGM does not show (PFC frames, CPU use).
METRICS = (
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_POWER_USAGE",
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
)
TOTALS = frozenset({"DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"})


def alerts_of(scenario: Scenario) -> list[Alert]:
    """What it would have told."""
    detector = Minder(scenario)
    for tick in scenario.ticks():
        detector.take(tick)
    firings = list(detector.firings())
    return as_alerts(firings, scenario.gpus_per_node)


@dataclass
class _Suspect:
    """Who was the farthest in one metric, and since when without a break."""

    node: str = ""
    since: float = 0.0
    rows: Counter[int] = field(default_factory=Counter)


class Minder:
    """Its state over one scenario; it knows who runs with whom from the truth."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._suspects: dict[tuple[int, str], _Suspect] = {}
        self._history: dict[str, list[Floats]] = {name: [] for name in METRICS}
        self._last: dict[str, Floats] = {}
        self._firings: dict[tuple[str, int], Firing] = {}
        self._done: list[Firing] = []

    def take(self, tick: Tick) -> None:
        """One collected sample of the whole fleet."""
        for name in METRICS:
            self._remember(name, tick)
        told: set[tuple[str, int]] = set()
        for job in np.unique(tick.job_of[tick.job_of >= 0]):
            rows = np.flatnonzero(tick.job_of == job)
            found = self._look(int(job), rows, tick.at_seconds)
            if found is not None:
                told.add(found)
        self._tell(told, tick.at_seconds)

    def firings(self) -> Iterator[Firing]:
        """All that was told, the open ones included."""
        yield from self._done
        yield from self._firings.values()

    def _remember(self, name: str, tick: Tick) -> None:
        """Gaps are filled with what was there last."""
        raw = np.where(tick.present, tick.values.get(name, np.nan), np.nan)
        last = self._last.get(name, np.zeros(len(raw)))
        filled = np.where(np.isnan(raw), last, raw)
        self._last[name] = filled
        shown = filled - last if name in TOTALS else filled
        self._history[name] = [*self._history[name][1 - WINDOW :], shown]

    def _look(
        self, job: int, rows: NDArray[np.int64], at: float
    ) -> tuple[str, int] | None:
        """The first metric's suspect that has been the same for long enough."""
        for name in METRICS:
            if len(self._history[name]) < WINDOW or len(rows) < FEWEST:
                continue
            window = np.array(self._history[name])[:, rows]
            suspect = self._suspects.setdefault((job, name), _Suspect())
            self._accuse(suspect, farthest(window), rows, at)
            if suspect.node and at - suspect.since >= SAME_SUSPECT_SECONDS:
                return suspect.node, suspect.rows.most_common(1)[0][0]
        return None

    def _accuse(
        self, suspect: _Suspect, who: int | None, rows: NDArray[np.int64], at: float
    ) -> None:
        row = None if who is None else int(rows[who])
        node = "" if row is None else self._scenario.gpus[row].node
        if node != suspect.node:
            suspect.node, suspect.since, suspect.rows = node, at, Counter()
        if row is not None:
            suspect.rows[row % self._scenario.gpus_per_node] += 1

    def _tell(self, told: set[tuple[str, int]], at: float) -> None:
        for key in told - self._firings.keys():
            node, gpu = key
            self._firings[key] = Firing("minder", node, gpu, at, NEVER)
        for key in self._firings.keys() - told:
            one = self._firings.pop(key)
            self._done.append(Firing(one.rule, one.node, one.gpu, one.since, at))


def farthest(window: Floats) -> int | None:
    """Who is the farthest from all others, if beyond the limit; float64[8, members]."""
    low, high = window.min(), window.max()
    if not high > low:
        return None
    vectors = ((window - low) / (high - low)).T
    squares = (vectors**2).sum(axis=1)
    products = vectors @ vectors.T
    apart = squares[:, None] + squares[None, :] - 2 * products
    sums = np.sqrt(apart.clip(0)).sum(axis=1)
    spread = sums.std()
    if spread == 0:
        return None
    scores = (sums - sums.mean()) / spread
    who = int(scores.argmax())
    return who if scores[who] > Z_LIMIT else None
