"""From claims on nodes to a job for each GPU row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.sources.jobs.finder import NodeIndex
from gpuwatch.sources.jobs.roster import Claim, Roster

NOBODY = -1


@dataclass(frozen=True)
class Ascribed:
    """Job numbers by row, int64[rows], NOBODY = none; and whom we do not know.

    `strangers`: nodes that are claimed and not in the fleet.
    """

    job_of: NDArray[np.int64]
    jobs: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


def ascribed(roster: Roster, fleet: Fleet, rows: int, index: NodeIndex) -> Ascribed:
    """Every GPU to the job that holds it.

    GPUs that were named go to whom they were given. What is left of a node goes to
    the one other job that holds GPUs of it, or that holds the node alone: of two that
    both might, neither gets any.
    """
    by_node: defaultdict[int, list[Claim]] = defaultdict(list)
    strangers: set[str] = set()
    for claim in roster.claims:
        node = index.row(claim.node)
        if node < 0:
            strangers.add(claim.node)
        else:
            by_node[node].append(claim)
    number: dict[str, int] = {}
    job_of = np.full(rows, NOBODY)
    slots = _rows_by_node(fleet, rows)
    for node, claims in by_node.items():
        mine = slots.get(node, ())
        for row, job in _shared_out(claims, [(r, fleet.gpus[r]) for r in mine]).items():
            job_of[row] = number.setdefault(job, len(number))
    return Ascribed(job_of, tuple(number), tuple(sorted(strangers)))


def _rows_by_node(fleet: Fleet, rows: int) -> Mapping[int, Sequence[int]]:
    node_of = fleet.node_of[:rows]
    order = np.argsort(node_of, kind="stable")
    nodes, starts = np.unique(node_of[order], return_index=True)
    pieces = np.split(order, starts[1:])
    return {
        int(node): piece.tolist() for node, piece in zip(nodes, pieces, strict=True)
    }


def _shared_out(
    claims: Sequence[Claim], gpus: Sequence[tuple[int, Gpu]]
) -> Mapping[int, str]:
    """One node's rows by job."""
    numbered = all(gpu.index is not None and not gpu.mig for _, gpu in gpus)
    given: dict[int, str] = {}
    if numbered:
        row_of = {gpu.index: row for row, gpu in gpus}
        for claim in claims:
            for gpu in claim.gpus or ():
                if gpu in row_of:
                    given[row_of[gpu]] = claim.job
    rest = _heir([c for c in claims if c.gpus is None or not numbered], alone=not given)
    if rest:
        given |= {row: rest for row, _ in gpus if row not in given}
    return given


def _heir(claims: Sequence[Claim], *, alone: bool) -> str:
    """Who holds all that was not given to others by number, or nobody."""
    holders = {claim.job for claim in claims if claim.count or claim.gpus}
    if not holders and alone:
        holders = {claim.job for claim in claims if claim.count is None}
    return min(holders) if len(holders) == 1 else ""
