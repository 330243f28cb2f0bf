"""Who worked for which job, when GPUs vanish and jobs come and go."""

import numpy as np

from gpuwatch.incidents.employment import Employment
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.snapshot import Snapshot

FLEET = Fleet("c", [Gpu(f"n{i // 2}", f"GPU-{i}") for i in range(4)])


def seen(*jobs: str) -> Snapshot:
    """One word a GPU: its job, `-` for none, `x` where the GPU is gone."""
    names = tuple(sorted({job for job in jobs if job not in "-x"}))
    return Snapshot(
        cluster="c",
        at=0.0,
        fleet=FLEET,
        columns={},
        sampled_at=np.array([np.nan if job == "x" else 0.0 for job in jobs]),
        job_of=np.array([names.index(j) if j in names else -1 for j in jobs]),
        jobs=names,
    )


def after(*polls: str) -> list[tuple[str, ...]]:
    """The jobs of each GPU after these polls."""
    employment = Employment()
    for poll in polls:
        employment.take(seen(*poll.split()))
    return [employment.jobs(FLEET.subject(row)) for row in range(4)]


def test_a_job_is_known_while_it_runs() -> None:
    assert after("a a b -") == [("a",), ("a",), ("b",), ()]


def test_a_gpu_that_vanished_keeps_its_job() -> None:
    assert after("a a b b", "a x b x") == [("a",), ("a",), ("b",), ("b",)]


def test_it_keeps_it_when_the_job_is_gone_and_others_came() -> None:
    polls = ["b b b b", "x b b b", "x a a a", "x a a a"]
    assert after(*polls) == [("b",), ("a",), ("a",), ("a",)]


def test_a_gpu_that_is_idle_has_none() -> None:
    assert after("a a a a", "- a a a") == [(), ("a",), ("a",), ("a",)]


def test_a_node_works_for_all_its_gpus_jobs() -> None:
    employment = Employment()
    employment.take(seen("a", "b", "b", "x"))
    assert employment.jobs(Subject("c", "n0")) == ("a", "b")
    assert employment.jobs(Subject("c", "n1")) == ("b",)
    assert employment.jobs(Subject("c", job="a")) == ()
    assert employment.jobs(Subject("c", "elsewhere")) == ()


def test_without_jobs_nobody_has_one() -> None:
    assert Employment().jobs(FLEET.subject(0)) == ()
