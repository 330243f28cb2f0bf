"""What `squeue` printed as a roster, whatever release of Slurm printed it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from gpuwatch.errors import SourceError
from gpuwatch.sources.jobs.hostlist import HostlistError, expanded
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.slurm.command import one_line
from gpuwatch.sources.slurm.fields import (
    gpus_asked,
    gpus_by_node,
    indices,
    nodes,
    number,
    states,
)

MOST_CLAIMS = 300_000
AT_REST = frozenset({"COMPLETING", "SUSPENDED", "STOPPED"})
TEXT_FORMAT = "%i|%T|%N"
NAME = "squeue"


def roster_of_json(printed: bytes) -> Roster:
    """From `squeue --json`; SourceError when it is no such thing."""
    try:
        document = orjson.loads(printed)
    except orjson.JSONDecodeError as error:
        raise SourceError(NAME, "printed no JSON") from error
    jobs = document.get("jobs") if isinstance(document, Mapping) else None
    if not isinstance(jobs, list):
        raise SourceError(NAME, _complaint(document))
    if not jobs and document.get("errors"):
        raise SourceError(NAME, _complaint(document))
    return _roster([job for job in jobs if isinstance(job, Mapping)])


def _complaint(document: Any) -> str:
    errors = document.get("errors") if isinstance(document, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    told = first if isinstance(first, Mapping) else {"error": first}
    keys = ("description", "error", "error_number")
    text = next((str(told[key]) for key in keys if told.get(key)), "")
    return one_line(text) if text else "printed JSON without a list of jobs"


def _roster(jobs: Sequence[Mapping[str, Any]]) -> Roster:
    claims: list[Claim] = []
    numbers: dict[str, str] = {}
    named: list[tuple[str, str]] = []
    unreadable = completing = 0
    for job in jobs:
        state, name = states(job), readable_id(job)
        completing += "COMPLETING" in state
        if "RUNNING" not in state or state & AT_REST or not name:
            continue
        try:
            claims += _claims(job, name, MOST_CLAIMS - len(claims))
        except HostlistError:
            unreadable += 1
            continue
        numbers[str(number(job.get("job_id")) or name)] = name
        named.append((str(job.get("name") or ""), name))
    return Roster(tuple(claims), numbers, _unique(named), unreadable, completing)


def _unique(named: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Names that only one job has (the parts of one job count once)."""
    count = Counter(name for name, _ in set(named))
    return {name: job for name, job in named if name and count[name] == 1}


def readable_id(job: Mapping[str, Any]) -> str:
    """As people know it: `4211`, `4211_3` for an array's task.

    All parts of a heterogeneous job go by the number of the first: they run together.
    """
    together, array = number(job.get("het_job_id")), number(job.get("array_job_id"))
    task, own = number(job.get("array_task_id")), job.get("job_id")
    if together:
        return str(together)
    if array and task is not None:
        return f"{array}_{task}"
    plain = number(own)
    return str(plain) if plain is not None else one_line(own) if own else ""


def _claims(job: Mapping[str, Any], name: str, most: int) -> Iterator[Claim]:
    held = nodes(job)
    if len(held) > most:
        raise SourceError(NAME, f"lists more than {MOST_CLAIMS} nodes of jobs")
    asked = gpus_asked(job, len(held))
    details = gpus_by_node(job, len(held))
    for node, detail in zip(held, details, strict=True):
        if detail is None:
            yield Claim(name, node, None, asked)
        else:
            gpus, count = indices(detail)
            yield Claim(name, node, gpus if count else None, count)


def roster_of_text(printed: bytes) -> Roster:
    """From `squeue -h -o '%i|%T|%N'`, which every release can print."""
    claims: list[Claim] = []
    unreadable = completing = 0
    for line in printed.decode("utf-8", "replace").splitlines():
        job, state, hosts = [*line.strip().split("|"), "", "", ""][:3]
        completing += state == "COMPLETING"
        if state != "RUNNING" or not job:
            continue
        try:
            held = expanded(hosts, MOST_CLAIMS - len(claims))
        except HostlistError:
            held = []
        unreadable += not held
        claims += [Claim(one_line(job.partition("+")[0]), node) for node in held]
    return Roster(tuple(claims), unreadable=unreadable, completing=completing)
