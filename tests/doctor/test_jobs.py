"""Which source tells the jobs; throughput; topology."""

from typing import Any

import numpy as np
import pytest

from gpuwatch.doctor.jobs import jobs, throughput, topology
from gpuwatch.doctor.sight import Seen
from gpuwatch.engine.engine import Coverage
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import JobSettings, Settings


def seen(
    job_of: str = "....", settings: dict[str, Any] | None = None, **more: Any
) -> Seen:
    """Two GPUs on each of two nodes; a letter a GPU is its job."""
    gpus = [Gpu("ab"[i // 2], f"u{i}", index=i) for i in range(4)]
    names = tuple(sorted(set(job_of) - {"."}))
    numbers = np.array([names.index(one) if one in names else -1 for one in job_of])
    snapshot = Snapshot(
        "c", 1.7e9, Fleet("c", gpus), {}, np.full(4, 1.7e9),
        job_of=numbers, jobs=names, **more,
    )  # fmt: skip
    chosen = Settings(jobs=JobSettings(**(settings or {})))
    return Seen(chosen, snapshot, {}, Coverage())


@pytest.mark.parametrize(
    ("found", "labels", "what"),
    [
        (
            seen("7777", job_source="labels"),
            "hpc_job",
            "1 job on 4 GPUs (label hpc_job)",
        ),
        (seen("78..", job_source="slurm"), "", "2 jobs on 2 of 4 GPUs (squeue)"),
        (seen("7777", job_source="expr"), "", "1 job on 4 GPUs (jobs.expr)"),
        (
            seen("77..", job_source="file"),
            "hpc_job",
            "1 job on 2 of 4 GPUs (label hpc_job and jobs.file)",
        ),
        (
            seen(job_source="slurm"),
            "",
            "squeue can tell; no GPU works for a job now",
        ),
        (seen(), "hpc_job", "label hpc_job can tell; no GPU works for a job now"),
    ],
)
def test_who_tells(found: Seen, labels: str, what: str) -> None:
    told = jobs(found, [{"UUID": "x"}, {labels: "0"}] if labels else [{"UUID": "x"}])
    assert (told.state, told.what) == ("ok", what)


def test_nobody_tells() -> None:
    told = jobs(seen(), [{"UUID": "x"}])
    assert told.state == "warn"
    assert told.what.startswith("nobody tells a GPU's job")
    for way in ("squeue", "jobs.expr", "jobs.file", "--hpc-job-mapping-dir"):
        assert way in told.mend


def test_a_label_that_is_not_to_be_used_tells_nothing() -> None:
    found = seen(settings={"source": "slurm"})
    assert jobs(found, [{"hpc_job": "7"}]).state == "warn"


def test_slurm_in_trouble_is_to_be_mended() -> None:
    told = jobs(seen("7777", job_source="slurm", health={"slurm": "squeue: down"}), ())
    assert (told.state, told.what) == ("warn", "Slurm: squeue: down")
    assert "squeue --json" in told.mend


def test_none_is_a_choice() -> None:
    assert jobs(seen(settings={"source": "none"}), ()).state == "skip"


WITH_EXPR = {"throughput_expr": "x", "throughput_unit": "tok/s"}


@pytest.mark.parametrize(
    ("found", "state", "what"),
    [
        (seen(), "skip", "not set: what a slow job loses is estimated"),
        (seen(settings=WITH_EXPR), "warn", "jobs.throughput_expr returns no series"),
        (
            seen("7788", WITH_EXPR, throughput={"7": 1234.5}),
            "ok",
            "7 1234.5 tok/s",
        ),
        (
            seen("7788", WITH_EXPR, throughput={"": 1.0}),
            "warn",
            "a series without a job label: none of the jobs that have GPUs",
        ),
    ],
)
def test_throughput(found: Seen, state: str, what: str) -> None:
    told = throughput(found)
    assert (told.state, told.what) == (state, what)


def test_topology() -> None:
    assert topology(seen()).state == "skip"
    places = {"a": {"rack": "r1", "pdu": "p"}, "b": {"rack": "r2"}}
    told = topology(seen(places=places))
    assert (told.state, told.what) == ("ok", "pdu (1), rack (2) for 2 of 2 nodes")
