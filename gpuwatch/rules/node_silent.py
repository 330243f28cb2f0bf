"""A node from which nothing is heard any more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.sightings import job_numbers
from gpuwatch.model.signs import SIGN_READS, Signs, signs_of_life
from gpuwatch.model.snapshot import Column, Mask, absent
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

LONGEST_GAP_SECONDS = 150.0
TOGETHER_SECONDS = 120.0
TENSOR, UTILIZATION = "tensor_active_ratio", "utilization_percent"
ALIVE, JOB = "was_alive", "job"
SINCE, LAST, HELD = "silent_since", "silent_at", "silent_seconds"


class NodeSilent(Rule):
    """Nothing is heard from a node any more.

    What: its GPU exporter is down or all its series are gone, and its node_exporter is
    down too or not monitored, for 5 minutes; for 1 minute when every other GPU of its
    job has stopped working. Half of that is enough where another node that fell silent
    within the same 2 minutes is told, so that a rack is one message. A node that was
    never heard is not judged, and nobody is silent when Prometheus hears no exporter at
    all.

    Why: the node has crashed, lost its network or its power; its job stands still.

    First response: try its BMC and console; power-cycle it if it does not answer;
    take it out of the scheduler until it is proven healthy.

    Source: dcgm.md 8; GWDG (arXiv 2603.28781): disappearance is mostly the only signal.
    5 minutes outlast a scrape gap and a quick reboot; work has stopped below 2 % tensor
    activity (straggler.md: a hang keeps utilisation at 100 %).
    """

    name = "node_silent"
    category = Category.AVAILABILITY
    scope = Scope.NODE
    samples = (1, 1)
    slows_job = True
    yields_to = ("xid",)
    yields_within_seconds = 600.0
    reads = (
        *SIGN_READS,
        Read(TENSOR, required=False),
        Read(UTILIZATION, required=False),
    )

    class Params(RuleParams):
        """Timing of node_silent. The rule counts by itself, for its limit varies."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(0.0, ge=0, description="added to silent_hold")
        silent_hold: Seconds = Field(300.0, ge=0, description="must be silent so long")
        stalled_hold: Seconds = Field(
            60.0, ge=0, description="the same when the rest of its job stands still"
        )
        stopped_ratio: float = Field(
            0.02, ge=0, le=1, description="tensor activity below which work has stopped"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """By node; UNKNOWN while its silence is too young, or it was never heard."""
        signs = signs_of_life(window)
        alive = (signs.exporter_up == 1) | (signs.node_exporter_up == 1)
        alive |= signs.reading & np.isnan(signs.exporter_up)
        nodes = len(alive)
        was_alive = np.where(alive, 1.0, window.recall(ALIVE, nodes))
        silent = _is_silent(signs, alive) & (was_alive == 1)
        count = _counted(window, silent, alive)
        heard = alive & (signs.present > 0)
        job = np.where(heard, _jobs_of_nodes(window, nodes), window.recall(JOB, nodes))
        stalled = self._stalled(window, job, silent)
        limit = np.where(stalled, self.params.stalled_hold, self.params.silent_hold)
        firing = silent & (count.held >= limit)
        firing |= silent & _went_with(firing, count, limit)
        return Verdicts(
            firing=firing,
            known=firing | alive,
            since=count.since,
            evidence={
                "silent_seconds": np.where(firing, window.now.at - count.since, np.nan),
                "gpus_on_node": np.where(firing, signs.gpus, np.nan),
                "job_stands_still": np.where(firing & stalled, 1.0, np.nan),
            },
            keep={
                ALIVE: was_alive,
                JOB: job,
                SINCE: count.since,
                LAST: count.last,
                HELD: count.held,
            },
        )

    def explain(self, finding: Finding) -> Words:
        """Silent, and whether the job waits."""
        waits = finding.value("job_stands_still", 0.0) == 1
        return Words(
            "Node is silent, its job stands still" if waits else "Node is silent",
            "Try its BMC and console, power-cycle it if they show nothing, and keep it "
            "out of the scheduler until it is proven healthy.",
        )

    def _stalled(self, window: Window, job: Column, silent: Mask) -> Mask:
        """Silent nodes whose job has other GPUs, and none of them works."""
        stalled = np.zeros(len(job), bool)
        numbers = job_numbers(window.now)
        tensor, most = window.get(TENSOR), self.params.stopped_ratio
        unused = window.get(UTILIZATION) < 100 * most
        stopped = np.where(np.isnan(tensor), unused, tensor < most)
        for number in np.unique(job[silent & ~np.isnan(job)]):
            peers = (numbers == number) & window.now.present
            still = bool(peers.any() and stopped[peers].all())
            stalled |= silent & (job == number) & still
        return stalled


@dataclass(frozen=True)
class _Silence:
    """Per node: silent since, last found so, and for how many known seconds."""

    since: Column
    last: Column
    held: Column


def _is_silent(signs: Signs, alive: Mask) -> Mask:
    """Down, or vanished from Prometheus while that still hears others."""
    vanished = np.isnan(signs.exporter_up) & (signs.gpus > 0) & (signs.present == 0)
    down = (signs.exporter_up == 0) | vanished
    silent: Mask = ~alive & down & (signs.gpus > 0) & signs.anybody
    return silent


def _counted(window: Window, silent: Mask, alive: Mask) -> _Silence:
    """Only time between two silent looks counts; a long gap between them does not."""
    nodes, now = len(silent), window.now.at
    since, last, held = (window.recall(name, nodes) for name in (SINCE, LAST, HELD))
    gap = now - last
    more = np.where(gap <= LONGEST_GAP_SECONDS, gap, 0.0)
    first = silent & np.isnan(since)
    held = np.where(silent, np.where(first, 0.0, held + more), held)
    since, last = np.where(first, now, since), np.where(silent, now, last)
    over = np.full(nodes, np.nan)
    return _Silence(*(np.where(alive, over, column) for column in (since, last, held)))


def _went_with(firing: Mask, count: _Silence, limit: Column) -> Mask:
    """Half as long silent, but since the same moments as one that fires: one cause."""
    if not firing.any():
        return firing
    starts = count.since[firing]
    near = np.abs(count.since[:, np.newaxis] - starts).min(axis=1) <= TOGETHER_SECONDS
    went_with: Mask = near & (count.held >= limit / 2)
    return went_with


def _jobs_of_nodes(window: Window, nodes: int) -> Column:
    """One job of each node, float64[nodes]."""
    numbers = job_numbers(window.now)
    found = absent(nodes)
    known = ~np.isnan(numbers)
    found[window.now.fleet.node_of[: window.now.rows][known]] = numbers[known]
    return found
