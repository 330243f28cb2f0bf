"""Who runs with whom: by the job that is known, else by who comes and goes together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gpuwatch.engine.pulse import KEPT_AS
from gpuwatch.model.bands import Bands, by_gaps
from gpuwatch.model.company import ALONE, INFERRED_PREFIX, Company
from gpuwatch.model.limits import model_codes
from gpuwatch.model.load import at_work, power_limit_watts
from gpuwatch.model.peers import FEWEST_PEERS
from gpuwatch.model.snapshot import Column, Mask, Snapshot, absent, fitted
from gpuwatch.model.window import Window

INFERRED = "co-movement"
LIMIT_STEP_WATTS = 10.0
# A break that a node took alone, and no longer than this, was not its job's.
OWN_BREAK_SECONDS = 180.0
TOGETHER_SECONDS = 60.0
LEFT_TOGETHER_SHARE = 0.2
SETTLE_SECONDS = 60.0
FORGET_SECONDS = 600.0
MISSED_SHARE = 0.5
UNSEEN_MARGIN_SECONDS = 30.0
_KEPT = ("since", "before", "left", "unseen", "clock_level", "power_level")


class Companions:
    """Node by node when it came to work, and how it works: jobs show by that.

    Nodes of one synchronous job start, pause for a checkpoint and go on within
    seconds of one another, and nodes of different jobs hardly ever do. So nodes that
    came (back) to work together are taken for one job, and split where their clocks or
    their power are of clearly different kinds, as two jobs' or two pipeline stages'.
    """

    def __init__(self, kept: Mapping[tuple[str, str], Column]) -> None:
        self.since, self.before, self.left, self.unseen, *levels = (
            kept.get((KEPT_AS, f"company_{name}"), absent(0)) for name in _KEPT
        )
        self.clock_level, self.power_level = levels
        self.company = Company(np.empty(0, np.int64))

    def after(self, snapshot: Snapshot) -> Companions:
        """The companions one snapshot later; these stay as they are."""
        later = Companions({})
        nodes = len(snapshot.fleet.nodes)
        for name in _KEPT:
            setattr(later, name, fitted(getattr(self, name), nodes).copy())
        working = at_work(Window(snapshot)) & snapshot.present
        later._note(_Nodes(snapshot, working), snapshot.at)
        later.company = company_of(snapshot, later._bands(snapshot.at))
        return later

    def _note(self, nodes: _Nodes, now: float) -> None:
        """Who came, who left; a node without any reading stays as it was."""
        here = ~np.isnan(self.since)
        leaves = here & nodes.seen & ~nodes.working
        comes = ~here & nodes.working
        self.before = np.where(leaves, self.since, self.before)
        self.left = np.where(leaves, now, self.left)
        missed = self._missed(here & nodes.working & ~np.isnan(self.unseen))
        left, size = self._companions_who_left(now - OWN_BREAK_SECONDS)
        self.before = np.where(missed, self.since, self.before)
        self.since = np.where(leaves, np.nan, np.where(comes | missed, now, self.since))
        began = np.where(np.isnan(self.unseen), now, self.unseen)
        self.unseen = np.where(nodes.seen, np.nan, began)
        alone = comes & (left < np.maximum(2, LEFT_TOGETHER_SHARE * size))
        self.since = np.where(alone, self.before, self.since)
        away = now - np.where(np.isnan(self.left), -np.inf, self.left)
        stranger = comes & ~alone & (away > FORGET_SECONDS)
        settled = nodes.working & (now - self.since >= SETTLE_SECONDS)
        for name in ("clock_level", "power_level"):
            level = np.where(stranger, np.nan, getattr(self, name))
            fresh = settled & np.isnan(level)
            setattr(self, name, np.where(fresh, getattr(nodes, name), level))

    def _missed(self, back: Mask) -> Mask:
        """Nodes back in sight whose companions took a break while they were unseen."""
        if not back.any():
            return back
        began = float(self.unseen[back].min()) - UNSEEN_MARGIN_SECONDS
        left, size = self._companions_who_left(began)
        return back & (left > MISSED_SHARE * size)

    def _companions_who_left(self, began: float) -> tuple[Column, Column]:
        """How many of each node's former companions took a break since then, of all."""
        short = np.nan_to_num(self.left, nan=-np.inf) >= began
        former = np.where(short & ~np.isnan(self.before), self.before, self.since)
        bands = by_gaps(former, TOGETHER_SECONDS)
        inside = bands >= 0
        size = np.bincount(bands[inside], minlength=1)
        left = np.bincount(bands[inside & short], minlength=len(size))
        unknown = np.where(inside, 0.0, np.inf)
        counted = left[bands].astype(np.float64) + unknown
        return counted, size[bands].astype(np.float64)

    def _bands(self, now: float) -> Bands:
        """An id a node, ALONE where it does not work, and the ids' first nodes."""
        known = now - self.since >= 0
        bands = by_gaps(np.where(known, self.since, np.nan), TOGETHER_SECONDS)
        return Bands.split(bands, {0.05: self.clock_level, 0.10: self.power_level})

    def columns(self) -> Mapping[tuple[str, str], Column]:
        """To be kept over a restart."""
        return {(KEPT_AS, f"company_{name}"): getattr(self, name) for name in _KEPT}


class _Nodes:
    """One snapshot seen by nodes: bool and float64[nodes]."""

    def __init__(self, snapshot: Snapshot, working: Mask) -> None:
        node_of = snapshot.fleet.node_of[: snapshot.rows]
        count = len(snapshot.fleet.nodes)
        present = np.bincount(node_of[snapshot.present], minlength=count)
        busy = np.bincount(node_of[working], minlength=count)
        self.seen: Mask = present > 0
        self.working: Mask = self.seen & (2 * busy >= present) & (busy > 0)
        whole = Company(np.where(working, node_of, ALONE), ("",) * count)
        self.clock_level = whole.medians(snapshot.column("sm_clock_megahertz"))
        self.power_level = whole.medians(snapshot.column("power_watts"))


def company_of(snapshot: Snapshot, bands: Bands) -> Company:
    """Groups by job, else by band; within one the same model and power limit.

    A power limit that fewer than six GPUs share makes no group of its own: they stay
    with the others, whom they hold up. MIG instances and retired GPUs are alone.
    """
    rows, fleet = snapshot.rows, snapshot.fleet
    codes, models = model_codes(fleet, rows)
    whole = np.fromiter((not gpu.mig for gpu in fleet.gpus[:rows]), bool, rows)
    band = bands.of_node[fleet.node_of[:rows]]
    job = np.full(rows, ALONE) if snapshot.job_of is None else snapshot.job_of
    place = np.where(job >= 0, job, np.where(band >= 0, len(snapshot.jobs) + band, -1))
    inside = whole & snapshot.present & fleet.in_service[:rows] & (place >= 0)
    limit = power_limit_watts(Window(snapshot))
    kind = _with_limit(place * len(models) + codes, limit, inside)
    group_of = np.full(rows, ALONE)
    firsts, group_of[inside] = np.unique(kind[inside], return_inverse=True)
    inferred = [INFERRED_PREFIX + fleet.nodes[node] for node in bands.first_node]
    names = [*snapshot.jobs, *inferred]
    found = np.zeros(len(firsts), np.int64)
    found[group_of[inside]] = place[inside]
    source = snapshot.job_source or "labels" if snapshot.jobs else INFERRED
    return Company(group_of, tuple(names[int(i)] for i in found), source)


def _with_limit(
    kind: NDArray[np.int64], limit: Column, inside: Mask
) -> NDArray[np.int64]:
    """Kinds split by power limit, where enough GPUs share it."""
    step = np.nan_to_num(limit / LIMIT_STEP_WATTS, nan=0.0).astype(np.int64)
    if not inside.any() or len(np.unique(step[inside])) == 1:
        return kind
    fine = kind * (step.max() + 1) + step
    _, inverse, counts = np.unique(
        np.where(inside, fine, -1), return_inverse=True, return_counts=True
    )
    common = counts[inverse] >= FEWEST_PEERS
    usual: dict[int, int] = {}
    order = np.argsort(np.where(inside, counts[inverse], 0), kind="stable")
    usual.update(zip(kind[order].tolist(), fine[order].tolist(), strict=True))
    rare = np.array([usual[k] for k in kind[~common].tolist()], dtype=np.int64)
    found: NDArray[np.int64] = np.where(common, fine, 0)
    found[~common] = rare
    return found


def with_inferred_jobs(snapshot: Snapshot, company: Company) -> Snapshot:
    """The snapshot with a job for every row that has companions but no known job."""
    inferred = tuple(
        dict.fromkeys(n for n in company.names if n.startswith(INFERRED_PREFIX))
    )
    if not inferred:
        return snapshot
    number = {name: len(snapshot.jobs) + i for i, name in enumerate(inferred)}
    of_group = np.array([number.get(name, ALONE) for name in company.names] + [ALONE])
    known = (
        np.full(snapshot.rows, ALONE) if snapshot.job_of is None else snapshot.job_of
    )
    guessed = of_group[company.group_of]
    return replace(
        snapshot,
        job_of=np.where(known >= 0, known, guessed),
        jobs=(*snapshot.jobs, *inferred),
        job_source=snapshot.job_source or company.source,
    )
