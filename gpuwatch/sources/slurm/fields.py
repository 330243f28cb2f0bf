"""Slurm's JSON values, whose forms differ from one release to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpuwatch.sources.jobs.hostlist import HostlistError, expanded

MOST_INDEX = 1024
_GPU_WORD = re.compile(r"(?:gres[:/])?gpu(?=[:=(]|$)")
_INSIDE = re.compile(r"\(IDX:([^)]*)\)")
_SPAN = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
_COUNT = re.compile(r"[:=](\d{1,6})(?=\(|$)")


def number(value: Any) -> int | None:
    """A plain number, a number as text, or `{set, infinite, number}`; else None."""
    if isinstance(value, Mapping):
        unset = value.get("set") is False or value.get("infinite") is True
        return None if unset else number(value.get("number"))
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def states(job: Mapping[str, Any]) -> frozenset[str]:
    """The state and its flags, upper case: `RUNNING`, or `["RUNNING", ...]`."""
    found = job.get("job_state")
    if isinstance(found, Mapping):
        found = found.get("current")
    words = [found] if isinstance(found, str) else found
    return frozenset(str(word).upper() for word in words or ())


def nodes(job: Mapping[str, Any]) -> list[str]:
    """The names of the job's nodes in order; HostlistError where none can be read."""
    resources = job.get("job_resources")
    held = resources if isinstance(resources, Mapping) else {}
    named = [*_names(held.get("allocated_nodes"))]
    listed = held.get("nodes")
    if isinstance(listed, Mapping):
        named = named or [*_names(listed.get("allocation"))]
        listed = listed.get("list")
    for text in (job.get("nodes"), listed):
        named = named or _expanded(text)
    if not named:
        raise HostlistError("no node is named")
    return named


def _names(entries: Any) -> Iterator[str]:
    """Of a list (or a numbered mapping) of nodes; nothing if one has no name."""
    if isinstance(entries, Mapping):
        entries = [*entries.values()]
    if not isinstance(entries, list):
        return
    found = [_name(entry) for entry in entries]
    if all(found):
        yield from found


def _name(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    keys = ("nodename", "name", "hostname")
    named = entry if isinstance(entry, Mapping) else {}
    return next((str(named[key]) for key in keys if named.get(key)), "")


def _expanded(text: Any) -> list[str]:
    if isinstance(text, list):
        text = ",".join(str(one) for one in text)
    return expanded(text) if isinstance(text, str) else []


def gpus_by_node(job: Mapping[str, Any], count: int) -> Sequence[str | None]:
    """The `gres_detail` of each of `count` nodes; None where it is not told."""
    detail = job.get("gres_detail")
    if isinstance(detail, list) and len(detail) == count:
        return [one if isinstance(one, str) else None for one in detail]
    return [None] * count


def indices(detail: str) -> tuple[frozenset[int] | None, int]:
    """GPU numbers and count of `gpu:h100:4(IDX:0-3)`; None = they are not told."""
    found: set[int] = set()
    count, told = 0, True
    for part in _gpu_parts(detail):
        size = _COUNT.search(part)
        mine = int(size[1]) if size else 1
        inside = _INSIDE.search(part)
        numbers = _numbers(inside[1]) if inside else None
        count += mine
        if numbers is None:
            told = told and mine == 0
        else:
            found |= numbers
    return (frozenset(found) if told else None), count


def _gpu_parts(detail: str) -> Iterator[str]:
    """The comma-separated parts that are of GPUs; commas in brackets do not count."""
    for part in re.split(r",(?![^(]*\))", detail):
        if _GPU_WORD.match(part.strip()):
            yield part.strip()


def _numbers(text: str) -> set[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        last = int(match[2] or match[1]) if match else MOST_INDEX
        if match is None or last >= MOST_INDEX:
            return None
        found.update(range(int(match[1]), last + 1))
    return found


def gpus_asked(job: Mapping[str, Any], node_count: int) -> int | None:
    """GPUs a node by what was asked or allotted; None where GPUs are not mentioned."""
    for key, share in (("tres_per_node", 1), ("tres_alloc_str", node_count)):
        text = job.get(key)
        parts = [*_gpu_parts(text)] if isinstance(text, str) else []
        if parts:
            size = _COUNT.search(parts[0])
            return max(1, (int(size[1]) if size else 1) // max(1, share))
    return None
