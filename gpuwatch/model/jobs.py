"""Verdicts about jobs: one a job, though its GPUs may be of several groups."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gpuwatch.model.company import Company
from gpuwatch.model.identity import Subject
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Verdicts


def by_job(
    cluster: str,
    company: Company,
    *,
    firing: Mask,
    known: Mask,
    evidence: Mapping[str, Column],
    severity: np.ndarray | None = None,
) -> Verdicts:
    """From arrays over groups to one verdict a job.

    That of its largest group that fires, else of its largest that is known.
    """
    weight = np.where(firing & known, 2, np.where(known, 1, 0))
    order = np.lexsort((company.sizes, weight)).tolist()
    chosen = {company.names[group]: group for group in order}
    groups = np.array(list(chosen.values()), dtype=np.int64)
    return Verdicts(
        firing=firing[groups] & known[groups],
        known=known[groups],
        subjects=tuple(Subject(cluster, job=name) for name in chosen),
        severity=None if severity is None else severity[groups],
        evidence={name: column[groups] for name, column in evidence.items()},
    )
