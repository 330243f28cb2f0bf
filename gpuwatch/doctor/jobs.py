"""Which source tells the jobs, how fast they are, and what their nodes share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gpuwatch.doctor.finding import Finding, counted, ok, skip, some, warn
from gpuwatch.doctor.sight import Seen
from gpuwatch.model.throughput import throughput_by_job
from gpuwatch.sources.blocks import Labels
from gpuwatch.sources.identity import KUBERNETES_LABELS

SLURM = "slurm"
TELLERS = {
    "slurm": "squeue",
    "expr": "jobs.expr",
    "file": "jobs.file",
}
NO_JOB_MEND = (
    "run gpuwatch where `squeue` works; or give jobs.expr (PromQL, one series a node "
    "and job) or jobs.file; or run dcgm-exporter with --hpc-job-mapping-dir and a "
    "prolog that writes the job id there"
)


def jobs(seen: Seen, series: Sequence[Labels]) -> Finding:
    """Which source tells the job, and how many GPUs work for one now."""
    source = seen.settings.jobs.source
    if source == "none":
        return skip("jobs", "jobs.source is none: nobody is compared within a job")
    if trouble := seen.snapshot.health.get(SLURM):
        mend = "run `squeue --json` as gpuwatch's user; see jobs.slurm"
        return warn("jobs", f"Slurm: {trouble}", mend)
    carried = _labels(seen, series) if source in ("auto", "labels") else ()
    teller = TELLERS.get(seen.snapshot.job_source, "")
    told = " and ".join(filter(None, [_label(carried), teller]))
    job_of = seen.snapshot.job_of
    if job_of is not None and (job_of >= 0).any():
        return _told(seen, job_of[job_of >= 0], f" ({told})" if told else "")
    if told:
        return ok("jobs", f"{told} can tell; no GPU works for a job now")
    return warn(
        "jobs",
        "nobody tells a GPU's job: peers are guessed from who works together",
        NO_JOB_MEND,
    )


def _labels(seen: Seen, series: Sequence[Labels]) -> Sequence[str]:
    wanted = (*seen.settings.jobs.labels, *KUBERNETES_LABELS)
    return [name for name in wanted if any(name in labels for labels in series)]


def _label(carried: Sequence[str]) -> str:
    return f"label {some(carried)}" if carried else ""


def _told(seen: Seen, busy: NDArray[np.int64], told: str) -> Finding:
    alive = int(seen.snapshot.present.sum())
    of = "" if len(busy) >= alive else f" of {alive}"
    return ok(
        "jobs", f"{counted(len(np.unique(busy)), 'job')} on {len(busy)}{of} GPUs{told}"
    )


def throughput(seen: Seen) -> Finding:
    """Which jobs' own work a second is known."""
    settings, found = seen.settings.jobs, seen.snapshot.throughput
    if settings.throughput_expr is None:
        hint = "with jobs.throughput_expr (tokens/s by job) a slow job shows itself"
        return skip("throughput", "not set: what a slow job loses is estimated", hint)
    if not found:
        return warn(
            "throughput",
            "jobs.throughput_expr returns no series",
            "try it in Prometheus while a job runs; it must return one series a job",
        )
    known = throughput_by_job(seen.snapshot)
    unit = settings.throughput_unit
    if known:
        told = [f"{job or 'job'} {value:g} {unit}" for job, value in known.items()]
        return ok("throughput", some(told, 3))
    names = [name or "a series without a job label" for name in found]
    return warn(
        "throughput",
        f"{some(names, 3)}: none of the jobs that have GPUs",
        f"name its label in jobs.job_label (now {some(settings.job_label, 8)})",
    )


def topology(seen: Seen) -> Finding:
    """How many nodes are known to share a rack, a switch or a power feed."""
    places, nodes = seen.snapshot.places, len(seen.fleet.nodes)
    kinds = sorted({kind for mine in places.values() for kind in mine})
    if not kinds:
        hint = "target labels rack, switch, pdu or topology.file name a shared cause"
        return skip("topology", "not known", hint)
    told = [_of_kind(seen, kind) for kind in kinds]
    what = f"{some(told)} for {len(places)} of {counted(nodes, 'node')}"
    return ok("topology", what)


def _of_kind(seen: Seen, kind: str) -> str:
    names = {mine[kind] for mine in seen.snapshot.places.values() if kind in mine}
    return f"{kind} ({len(names)})"
