"""Whose a throughput series is: the job that it names, or the only one there is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from gpuwatch.model.company import INFERRED_PREFIX
from gpuwatch.model.snapshot import Snapshot

_SCHEDULERS_NUMBER = re.compile(r"\d+([_.+]\d+)?", re.ASCII)


def throughput_by_job(snapshot: Snapshot) -> Mapping[str, float]:
    """Work a second of each job that has GPUs, by the name in `Snapshot.jobs`.

    A single series that names no known job is the only job's; but not if it names a
    scheduler's number, for that is another job's, which has just ended or begun.
    """
    jobs = _with_gpus(snapshot)
    found = {job: v for job, v in snapshot.throughput.items() if job in jobs}
    if found or len(snapshot.throughput) != 1 or len(jobs) != 1:
        return found
    ((name, value),) = snapshot.throughput.items()
    (only,) = jobs
    inferred = only.startswith(INFERRED_PREFIX)
    if _SCHEDULERS_NUMBER.fullmatch(name) and not inferred:
        return {}
    return {only: value}


def _with_gpus(snapshot: Snapshot) -> frozenset[str]:
    if snapshot.job_of is None:
        return frozenset()
    numbers = np.unique(snapshot.job_of).tolist()
    return frozenset(snapshot.jobs[number] for number in numbers if number >= 0)


def gpus_of(snapshot: Snapshot, job: str) -> int:
    """How many GPUs in service the job holds."""
    if snapshot.job_of is None or job not in snapshot.jobs:
        return 0
    mine = snapshot.job_of == snapshot.jobs.index(job)
    return int((mine & snapshot.fleet.in_service[: snapshot.rows]).sum())
