"""What else a cluster shows: the nodes' own exporters, and the jobs on its GPUs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpuwatch.doctor.finding import Finding, counted, ok, some, warn
from gpuwatch.doctor.sight import Seen
from gpuwatch.sources.blocks import Labels
from gpuwatch.sources.identity import KUBERNETES_LABELS


def node_exporter(seen: Seen) -> Finding:
    """Without it a dead exporter and a dead node look the same."""
    up = seen.snapshot.node_column("node_exporter_up")
    nodes = np.array(seen.fleet.nodes, dtype=object)
    without = sorted(nodes[np.isnan(up)].tolist())
    if not without:
        return ok("node_exporter", f"seen on all {len(nodes)} nodes")
    on = len(nodes) - len(without)
    where = "no node" if not on else f"{on} of {len(nodes)} nodes, not {some(without)}"
    return warn(
        "node_exporter",
        f"seen on {where}: an exporter that fails looks like a node that died",
        "scrape node_exporter there, with the node's name in instance or a node label",
    )


def jobs(seen: Seen, series: Sequence[Labels]) -> Finding:
    """Which label tells the job, and how many GPUs work for one now."""
    wanted = (*seen.settings.jobs.labels, *KUBERNETES_LABELS)
    carried = [name for name in wanted if any(name in labels for labels in series)]
    job_of = seen.snapshot.job_of
    busy = 0 if job_of is None else int((job_of >= 0).sum())
    if busy:
        count = len(set(seen.snapshot.jobs))
        by = f" (label {some(carried)})" if carried else ""
        return ok("jobs", f"{counted(count, 'job')} on {counted(busy, 'GPU')}{by}")
    if carried:
        return ok("jobs", f"label {some(carried)} is there; no GPU works for a job now")
    return warn(
        "jobs",
        "no label tells a GPU's job: peers and victims are counted by node only",
        "Slurm: run dcgm-exporter with --hpc-job-mapping-dir and a prolog that writes "
        "the job id there; another label: name it in jobs.labels",
    )
