"""Files that say which nodes a job has, or what nodes share; read when they change."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from gpuwatch.errors import ConfigError
from gpuwatch.sources.jobs.hostlist import HostlistError, expanded
from gpuwatch.sources.jobs.roster import Claim, Roster

T = TypeVar("T")
LARGEST_BYTES = 16 * 1024 * 1024
NODE_KEYS = ("node", "nodes")
_SWITCH = re.compile(r"(\w+)=(\S+)")
JOBS_REMEDY = "write lines like `4211: node[01-48,50]`, or CSV with job,node"
PLACES_REMEDY = "write `rack: {r1: 'node[01-08]'}`, or CSV with node,rack,..."
Places = Mapping[str, Mapping[str, str]]


class _Words(yaml.BaseLoader):
    """Every scalar is text, so that job 4211_3 is no number; no key twice."""

    def construct_mapping(
        self, node: yaml.MappingNode, deep: bool = False
    ) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        if len({str(key) for key in keys}) < len(keys):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


class WatchedFile(Generic[T]):
    """A file's meaning; ConfigError at first, the last good one from then on.

    `parse` takes the path and raises ValueError in words for people.
    """

    def __init__(
        self, key: str, path: Path, parse: Callable[[Path], T], remedy: str
    ) -> None:
        self._path, self._parse, self._trouble = path, parse, ""
        try:
            self._stamp = self._seen()
            self._value = parse(path)
        except (OSError, ValueError) as error:
            raise ConfigError(key, f"{str(path)!r}: {_said(error)}", remedy) from error

    def current(self) -> tuple[T, str]:
        """What it says, and why a newer state of it could not be taken up."""
        try:
            stamp = self._seen()
            if stamp != self._stamp:
                self._stamp = stamp
                self._value, self._trouble = self._parse(self._path), ""
        except (OSError, ValueError) as error:
            self._trouble = f"{_said(error)}; what it said before still holds"
        return self._value, self._trouble

    def _seen(self) -> tuple[int, int, int]:
        found = self._path.stat()
        if found.st_size > LARGEST_BYTES:
            raise ValueError("is larger than 16 MiB")
        return found.st_mtime_ns, found.st_size, found.st_ino


def _said(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or type(error).__name__}"
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text"
    return str(error)


def jobs_in(path: Path) -> Roster:
    """Jobs and their nodes; ValueError says what is wrong."""
    pairs = _jobs_of_csv(path) if path.suffix == ".csv" else _mapping(path).items()
    claims = [Claim(job, node) for job, hosts in pairs for node in _hosts(job, hosts)]
    return Roster(tuple(dict.fromkeys(claims)))


def places_in(path: Path) -> Places:
    """By node what it shares with others, by kind: {"n1": {"rack": "r12"}}."""
    if path.suffix == ".csv":
        found = _places_of_csv(path)
    elif path.suffix == ".conf":
        found = _places_of_slurm(path)
    else:
        found = _places_of_mapping(path)
    places: dict[str, dict[str, str]] = {}
    for kind, name, hosts in found:
        for node in _hosts(name, hosts):
            places.setdefault(node, {})[kind] = name
    return places


def _places_of_mapping(path: Path) -> Iterator[tuple[str, str, Any]]:
    for kind, names in _mapping(path).items():
        if not isinstance(names, dict):
            raise ValueError(f"{kind!r} is no mapping of names to nodes")  # noqa: TRY004
        for name, hosts in names.items():
            yield kind, str(name), hosts


def _hosts(key: str, hosts: Any) -> list[str]:
    text = ",".join(map(str, hosts)) if isinstance(hosts, list) else hosts
    if not isinstance(text, str):
        raise ValueError(f"{key!r} has no list of nodes")  # noqa: TRY004
    try:
        return expanded(text)
    except HostlistError as error:
        raise ValueError(f"{key!r}: {error}") from error


def _mapping(path: Path) -> dict[str, Any]:
    text = path.read_text("utf-8")
    try:
        found = json.loads(text) if path.suffix == ".json" else yaml.load(text, _Words)  # noqa: S506  text only
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "is not YAML"
        raise ValueError(f"{where}{problem}") from None
    if not isinstance(found, dict):
        raise ValueError("is not a mapping")  # noqa: TRY004
    return found


def _table(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True, restval="")
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if not any(key in names for key in NODE_KEYS):
            raise ValueError("its first line has no column `node`")
        for row in reader:
            yield {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}


def _node_cell(row: Mapping[str, str]) -> str:
    return next((row[key] for key in NODE_KEYS if key in row), "")


def _jobs_of_csv(path: Path) -> Iterator[tuple[str, str]]:
    for row in _table(path):
        if "job" not in row:
            raise ValueError("its first line has no column `job`")
        if row["job"]:
            yield row["job"], _node_cell(row)


def _places_of_csv(path: Path) -> Iterator[tuple[str, str, str]]:
    for row in _table(path):
        for kind, name in row.items():
            if kind not in NODE_KEYS and name:
                yield kind, name, _node_cell(row)


def _places_of_slurm(path: Path) -> Iterator[tuple[str, str, str]]:
    """The leaf switches of topology.conf."""
    for line in path.read_text("utf-8").splitlines():
        words = dict(_SWITCH.findall(line.partition("#")[0]))
        lower = {key.lower(): value for key, value in words.items()}
        if "switchname" in lower and "nodes" in lower:
            yield "switch", lower["switchname"], lower["nodes"]
