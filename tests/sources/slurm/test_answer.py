"""What several releases of Slurm print."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from gpuwatch.errors import SourceError
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.slurm.answer import roster_of_json, roster_of_text
from gpuwatch.sources.slurm.fields import gpus_asked, indices, number

DATA = Path(__file__).parents[2] / "data/slurm"
ALL = frozenset(range(8))


def printed(release: str) -> Roster:
    return roster_of_json((DATA / f"squeue-{release}.json").read_bytes())


def of(*jobs: dict[str, Any]) -> Roster:
    running: dict[str, Any] = {"job_id": 7, "job_state": "RUNNING", "nodes": "n1"}
    return roster_of_json(orjson.dumps({"jobs": [{**running, **job} for job in jobs]}))


def test_22_05() -> None:
    roster = printed("22.05")
    assert roster.claims == tuple(Claim("1", f"node{n}", ALL, 8) for n in (1, 2, 3, 4))
    assert roster.names == {"llm-train": "1"}


def test_finished_and_waiting_jobs_hold_nothing() -> None:
    assert printed("22.05-requeued") == Roster()


def test_23_02() -> None:
    roster = printed("23.02")
    assert roster.claims == tuple(
        Claim("4211", f"node0{n}", ALL, 8) for n in (1, 2, 3, 4)
    )


def test_23_11_has_lists_of_states_and_tasks_of_arrays() -> None:
    roster = printed("23.11")
    assert roster.claims == (
        Claim("4211_3", "node05", frozenset({0, 1, 2, 5}), 4),
        Claim("4211_4", "node05", frozenset({6, 7}), 2),
    )
    assert roster.numbers == {"4213": "4211_3", "4214": "4211_4"}
    assert roster.names == {}
    assert roster.completing == 1


def test_24_11_has_new_resources_and_parts_of_one_job_are_one() -> None:
    roster = printed("24.11")
    assert roster.claims == (
        Claim("5000", "node01", ALL, 8),
        Claim("5000", "node02", ALL, 8),
        Claim("5000", "node03", ALL, 8),
        Claim("5002", "node04", None, None),
    )
    assert roster.numbers == {"5000": "5000", "5001": "5000", "5002": "5002"}
    assert roster.names == {"llm": "5000", "etl": "5002"}


@pytest.mark.parametrize(
    "job",
    [
        {"nodes": ["n1"]},
        {"nodes": "", "job_resources": {"allocated_nodes": [{"nodename": "n1"}]}},
        {"nodes": "", "job_resources": {"allocated_nodes": {"0": {"name": "n1"}}}},
        {"nodes": None, "job_resources": {"nodes": "n1"}},
        {"nodes": None, "job_resources": {"nodes": {"list": "n1", "allocation": []}}},
        {"nodes": None, "job_resources": {"nodes": {"allocation": [{"name": "n1"}]}}},
        {"job_resources": {"allocated_nodes": [{"cpus_used": 1}]}},
        {"job_state": {"current": ["RUNNING"]}},
        {"job_state": ["running", "CONFIGURING"]},
        {"job_id": "7"},
        {"job_id": {"set": True, "infinite": False, "number": 7}},
        {"array_job_id": 0, "array_task_id": 0, "het_job_id": 0},
    ],
)
def test_every_form_of_a_key(job: dict[str, Any]) -> None:
    assert of(job).claims == (Claim("7", "n1"),)


@pytest.mark.parametrize(
    "job",
    [
        {"nodes": "n[1-"},
        {"nodes": "n[1-99999999]"},
        {"nodes": ""},
        {"nodes": 5, "job_resources": "?"},
    ],
)
def test_one_unreadable_job_spoils_no_other(job: dict[str, Any]) -> None:
    roster = of(job, {"job_id": 8})
    assert roster.claims == (Claim("8", "n1"),)
    assert roster.unreadable == 1


def test_details_that_do_not_fit_the_nodes_tell_no_gpus() -> None:
    asked = {"nodes": "n[1-2]", "gres_detail": ["gpu:1(IDX:0)"]}
    assert of({**asked, "tres_per_node": "gres:gpu:h100:4"}).claims == (
        Claim("7", "n1", None, 4),
        Claim("7", "n2", None, 4),
    )


@pytest.mark.parametrize(
    ("detail", "found"),
    [
        ("gpu:h100:8(IDX:0-7)", (ALL, 8)),
        ("gpu:2(IDX:0,3)", (frozenset({0, 3}), 2)),
        ("gpu:a:2(IDX:0-1),gpu:b:1(IDX:4),mps:10", (frozenset({0, 1, 4}), 3)),
        ("gpu:1g.10gb:1(IDX:2)", (frozenset({2}), 1)),
        ("gpu:4", (None, 4)),
        ("gpu:2(IDX:N/A)", (None, 2)),
        ("gpu:2(IDX:)", (None, 2)),
        ("gpu:2(IDX:0-99999)", (None, 2)),
        ("shard:4(IDX:0)", (frozenset(), 0)),
        ("", (frozenset(), 0)),
    ],
)
def test_gpu_numbers(detail: str, found: tuple[frozenset[int] | None, int]) -> None:
    assert indices(detail) == found


@pytest.mark.parametrize(
    ("job", "count"),
    [
        ({"tres_per_node": "gres:gpu:h100:8"}, 8),
        ({"tres_per_node": "gres/gpu:4"}, 4),
        ({"tres_alloc_str": "cpu=4,gres/gpu=16,gres/gpu:h100=16"}, 8),
        ({"tres_alloc_str": "cpu=4,node=2"}, None),
        ({}, None),
    ],
)
def test_gpus_asked_on_each_of_two_nodes(
    job: dict[str, str], count: int | None
) -> None:
    assert gpus_asked(job, 2) == count


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (5, 5), ("5", 5), (0, 0), (None, None), (True, None), ("x", None),
        ({"set": True, "infinite": False, "number": 5}, 5),
        ({"set": False, "infinite": False, "number": 5}, None),
        ({"set": True, "infinite": True, "number": 0}, None),
    ],
)  # fmt: skip
def test_numbers(value: object, found: int | None) -> None:
    assert number(value) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slurm_load_jobs error", "printed no JSON"),
        ("[]", "printed JSON without a list of jobs"),
        ("{}", "printed JSON without a list of jobs"),
        ('{"errors": [{"description": "no route\\nto it"}]}', "no route to it"),
        ('{"jobs": [], "errors": [{"error": "down"}]}', "down"),
        ('{"jobs": {}, "errors": ["odd"]}', "odd"),
    ],
)
def test_what_is_no_answer(text: str, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        roster_of_json(text.encode())
    assert caught.value.reason == said


def test_no_job_at_all_is_an_answer() -> None:
    assert roster_of_json(b'{"jobs": [], "errors": []}') == Roster()


def test_more_nodes_than_anybody_has_are_refused() -> None:
    jobs = [{"job_id": n, "nodes": "n[1-90000]"} for n in range(4)]
    with pytest.raises(SourceError, match="more than 300000 nodes"):
        of(*jobs)


def test_plain_text() -> None:
    roster = roster_of_text(
        b"4211|RUNNING|n[1-2]\n4211_3|RUNNING|n3\n500+1|RUNNING|n4\n"
        b"9|COMPLETING|n5\n10|PENDING|\n11|RUNNING|n[\nodd line\n"
    )
    assert roster == Roster(
        (Claim("4211", "n1"), Claim("4211", "n2"), Claim("4211_3", "n3"),
         Claim("500", "n4")),
        unreadable=1, completing=1,
    )  # fmt: skip
