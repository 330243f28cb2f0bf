"""Labels first, then Slurm, an expression, a file; the client is a small script."""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings import JobSettings, SlurmSettings, TopologySettings
from gpuwatch.sources.identity import Naming
from gpuwatch.sources.jobs.knowledge import JobKnowledge
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.jobs.told import NOTHING, Told

Known = Callable[..., JobKnowledge]
BY_EXPR = Told(Roster((Claim("e", "n1"), Claim("e", "n2"))))
ABSENT = "/nowhere/squeue"


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Known]:
    """Makes one of settings; `squeue` is what the client prints, None = no client."""
    with ExitStack() as stack:

        def make(
            *jobs: dict[str, Any], squeue: str | None = None, places: str = "",
            **settings: Any,
        ) -> JobKnowledge:  # fmt: skip
            client, topology = tmp_path / "squeue", tmp_path / "topology.yaml"
            if jobs:
                running = {"job_state": "RUNNING", "gres_detail": []}
                listed = [{**running, **job} for job in jobs]
                document = orjson.dumps({"jobs": listed}).decode()
                squeue = f"cat <<'END'\n{document}\nEND"
            if squeue is not None:
                client.write_text(f"#!/bin/sh\n{squeue}\n")
                client.chmod(client.stat().st_mode | stat.S_IXUSR)
            topology.write_text(places)
            slurm = SlurmSettings(
                command=ABSENT if squeue is None else str(client), interval=600
            )
            made = JobKnowledge(
                JobSettings(slurm=slurm, **settings),
                TopologySettings(file=topology if places else None),
                Naming(),
            )
            return stack.enter_context(closing(made))

        yield make


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "jobs.yaml"
    path.write_text("f: n[1-2]")
    return path


def snapshot(labels: str = "....", **more: Any) -> Snapshot:
    """Nodes n1 and n2 of two GPUs; a letter a GPU is its labelled job."""
    nodes = ["n1", "n1", "n2", "n2"]
    gpus = [Gpu(node, f"u{i}", index=i % 2) for i, node in enumerate(nodes)]
    jobs = tuple(sorted(set(labels) - {"."}))
    job_of = np.array([jobs.index(one) if one in jobs else -1 for one in labels])
    fleet = Fleet("c", gpus)
    return Snapshot("c", 1.0, fleet, {}, np.ones(4), job_of=job_of, jobs=jobs, **more)


def told(seen: Snapshot) -> tuple[list[str], str]:
    return [seen.job(row) for row in range(seen.rows)], seen.job_source


def completed(
    knowledge: JobKnowledge, labels: str = "....", said: Told = NOTHING, *,
    live: bool = True,
) -> tuple[list[str], str]:  # fmt: skip
    return told(knowledge.completed(snapshot(labels), said, live=live))


ON_N2 = {"job_id": 7, "nodes": "n2"}


@pytest.mark.parametrize(
    ("source", "jobs", "told_by"),
    [
        ("auto", ["a", "a", "7", "7"], "labels"),
        ("labels", ["a", "a", "", ""], "labels"),
        ("slurm", ["", "", "7", "7"], "slurm"),
        ("expr", ["e"] * 4, "expr"),
        ("file", ["f"] * 4, "file"),
        ("none", [""] * 4, ""),
    ],
)
def test_who_is_asked(
    known: Known, file: Path, source: str, jobs: list[str], told_by: str
) -> None:
    made = known(ON_N2, source=source, file=file, expr="x")
    assert completed(made, "aa..", BY_EXPR) == (jobs, told_by)


def test_auto_goes_on_to_the_next_who_knows(known: Known, file: Path) -> None:
    assert completed(known(file=file), "....", BY_EXPR) == (["e"] * 4, "expr")
    assert completed(known(file=file)) == (["f"] * 4, "file")
    assert completed(known()) == ([""] * 4, "")


def test_slurm_without_jobs_is_an_answer(known: Known, file: Path) -> None:
    made = known(squeue="echo '{\"jobs\": []}'", file=file)
    assert completed(made) == ([""] * 4, "slurm")


def test_of_the_past_slurm_is_not_asked(known: Known, file: Path) -> None:
    made = known(ON_N2, file=file)
    assert completed(made, live=False) == (["f"] * 4, "file")
    assert completed(made, live=True) == (["", "", "7", "7"], "slurm")


def test_most_rows_name_the_source(known: Known) -> None:
    both = {"job_id": 7, "nodes": "n[1-2]"}
    assert completed(known(both), "a...") == (["a", "7", "7", "7"], "slurm")


def test_a_job_that_labels_know_too_goes_by_its_label(known: Known) -> None:
    task = {"job_id": 8, "array_job_id": 7, "array_task_id": 3, "nodes": "n[1-2]"}
    assert completed(known(task))[0] == ["7_3"] * 4
    assert completed(known(task), "8...")[0] == ["8"] * 4


def test_slurm_that_never_answered_is_no_trouble_unless_it_is_asked_for(
    known: Known, file: Path
) -> None:
    down = "echo down >&2; exit 1"
    seen = known(squeue=down, file=file).completed(snapshot(), NOTHING, live=True)
    assert (told(seen)[1], dict(seen.health)) == ("file", {})
    asked = known(squeue=down, source="slurm")
    seen = asked.completed(snapshot(health={"store": "ill"}), NOTHING, live=True)
    words = "squeue: ended with 1: down; no jobs are known from Slurm"
    assert seen.health == {"store": "ill", "slurm": words}


def test_throughput_by_any_of_a_jobs_names(known: Known) -> None:
    task = {"job_id": 8, "array_job_id": 7, "array_task_id": 3, "nodes": "n1",
            "name": "llm"}  # fmt: skip
    made = known(task, throughput_expr="x", throughput_unit="steps/s")
    for name in ("8", "7_3", "llm"):
        said = Told(throughput={name: 5.0, "other": 1.0})
        seen = made.completed(snapshot(), said, live=True)
        assert seen.throughput == {"7_3": 5.0, "other": 1.0}
        assert seen.throughput_unit == "steps/s"
        labelled = made.completed(snapshot("88.."), said, live=True)
        assert labelled.throughput == {"8": 5.0, "other": 1.0}


def test_places_by_label_and_by_file_which_wins(known: Known) -> None:
    made = known(places="rack: {r9: N1.site.example, r0: elsewhere}")
    said = Told(places={"n1": {"rack": "r1", "pdu": "p1"}, "n2": {"rack": "r2"}})
    seen = made.completed(snapshot(), said, live=False)
    assert seen.places == {"n1": {"rack": "r9", "pdu": "p1"}, "n2": {"rack": "r2"}}


def test_new_gpus_get_their_job_too(known: Known, file: Path) -> None:
    made, seen = known(file=file), snapshot()
    made.completed(seen, NOTHING, live=True)
    seen.fleet.add(Gpu("n2", "new", index=2))
    grown = Snapshot("c", 2.0, seen.fleet, {}, np.ones(5), job_of=np.full(5, -1))
    assert told(made.completed(grown, NOTHING, live=True))[0] == ["f"] * 5


def test_a_file_that_broke_is_told(known: Known, file: Path) -> None:
    made = known(file=file)
    file.write_text("f: 'n['")
    seen = made.completed(snapshot(unread={"x": "y"}), NOTHING, live=True)
    assert told(seen)[0] == ["f"] * 4
    assert seen.unread.keys() == {"x", "jobs.file"}
