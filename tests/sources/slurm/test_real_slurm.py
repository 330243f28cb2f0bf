"""A real Slurm, asked through its own squeue."""

from collections.abc import Iterator

import numpy as np
import pytest

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import JobSettings, SlurmSettings, TopologySettings
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.jobs.told import NOTHING
from gpuwatch.sources.slurm.answer import TEXT_FORMAT, roster_of_text
from gpuwatch.sources.slurm.command import output_of
from gpuwatch.sources.slurm.queue import SlurmQueue
from tests.sources.slurm.lab import SlurmLab, slurm_available, slurm_lab

NODES = 6
ALL = frozenset(range(8))

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not slurm_available(), reason="needs slurm-wlm and munge"),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[SlurmLab]:
    with slurm_lab(NODES) as running:
        yield running


@pytest.fixture(autouse=True)
def at_home(lab: SlurmLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """gpuwatch runs where squeue finds this Slurm."""
    for name, value in lab.env.items():
        monkeypatch.setenv(name, value)


def fleet() -> Fleet:
    names = [f"node{n:02d}.cluster.example" for n in range(1, NODES + 1)]
    gpus = [Gpu(name, f"{name}-{i}", index=i) for name in names for i in range(8)]
    return Fleet("c", gpus, names)


def completed(knowledge: JobKnowledge, watched: Fleet) -> Snapshot:
    rows = len(watched)
    blank = Snapshot("c", 1.0, watched, {}, np.ones(rows), job_of=np.full(rows, -1))
    return knowledge.completed(blank, NOTHING, live=True)


def test_jobs_as_they_run_and_end(lab: SlurmLab) -> None:
    """Four whole nodes, a task of an array on part of one; then Slurm dies."""
    big = lab.submit("--nodes=4", "--gres=gpu:8", "--job-name=llm")
    array = lab.submit("--array=3", "--gres=gpu:2")
    roster = SlurmQueue(SlurmSettings()).ask()
    whole = tuple(Claim(big, f"node{n:02d}", ALL, 8) for n in range(1, 5))
    part = Claim(f"{array}_3", "node05", frozenset({0, 1}), 2)
    assert set(roster.claims) == {*whole, part}
    assert roster.names["llm"] == big
    text = roster_of_text(output_of(["squeue", "-h", f"--format={TEXT_FORMAT}"], 10))
    assert {(c.job, c.node) for c in text.claims} == {
        (c.job, c.node) for c in roster.claims
    }

    jobs = JobSettings(slurm=SlurmSettings(interval=600, timeout=20))
    knowledge = JobKnowledge(jobs, TopologySettings(), Naming())
    try:
        seen = completed(knowledge, fleet())
        assert [seen.job(row) for row in (0, 7, 31)] == [big] * 3
        assert [seen.job(row) for row in range(32, 35)] == [f"{array}_3"] * 2 + [""]
        assert (seen.job_source, dict(seen.health)) == ("slurm", {})
    finally:
        knowledge.close()

    lab.say("scancel", big, array)
    lab.await_end_of_jobs()
    # squeue --json still lists both for a while, with their nodes
    assert SlurmQueue(SlurmSettings()).ask() == Roster()
    lab.stop_controller()
    with pytest.raises(SourceError, match=r"did not answer in time|ended with"):
        SlurmQueue(SlurmSettings(timeout=2)).ask()
