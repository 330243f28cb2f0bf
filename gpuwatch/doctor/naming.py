"""Which generation of DCGM names is spoken, and how nodes get their names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gpuwatch.doctor.csv_lines import OLD_REASONS, is_new
from gpuwatch.doctor.finding import Finding, counted, ok, some, warn
from gpuwatch.doctor.sight import Server
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.metric import by_source_name, catalogue
from gpuwatch.sources import naming_of
from gpuwatch.sources.blocks import Labels
from gpuwatch.sources.identity import host_of, is_address
from gpuwatch.sources.register import Register

CLASSIC, NEW = "classic", "DCGM 4.7's (unit in the name)"
DCGM3 = "classic, as DCGM 3"
_CONTAINER = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")
_LOOPBACK = re.compile(r"localhost(\..*)?|127\..*|::1|0\.0\.0\.0", re.IGNORECASE)
MOST_ROWS = 8


def generations(live: Mapping[str, int]) -> Finding:
    """The generations among live names that gpuwatch knows; several are no fault."""
    known = {name: n for name, n in live.items() if name.lower() in by_source_name()}
    if not known:
        return warn(
            "metric names", "no DCGM metric has a live series", "is dcgm-exporter up?"
        )
    found = {_generation(name) for name in known}
    kinds = " and ".join(sorted(found - {CLASSIC} if DCGM3 in found else found))
    lowered = any(name != name.upper() for name in known)
    case = ", lower-cased by OpenTelemetry" if lowered else ""
    what = f"{len(known)} known DCGM metrics, names {kinds}{case}"
    mixed = _both(known)
    if not mixed:
        return ok("metric names", what)
    hint = "gpuwatch takes both as one; dashboards may not: finish the upgrade"
    return replace(ok("metric names", f"{what}; mixed", hint), rows=mixed)


def _generation(name: str) -> str:
    if is_new(name):
        return NEW
    return DCGM3 if name.upper() == OLD_REASONS else CLASSIC


def _both(live: Mapping[str, int]) -> tuple[tuple[str, ...], ...]:
    """Quantities that have series under several names, with how many each."""
    spelled = {name.upper(): name for name in live}
    rows: list[tuple[str, ...]] = []
    for metric in catalogue().values():
        names = [s.name for s in metric.names if s.name.upper() in spelled]
        kinds = {_generation(name) for name in names}
        if len(kinds) > 1:
            counts = [live[spelled[name.upper()]] for name in names]
            told = zip(counts, names, strict=True)
            rows += [(f"{count} series", name) for count, name in told]
    more = len(rows) - MOST_ROWS
    return (*rows[:MOST_ROWS], *([("...", f"and {more} more")] if more > 0 else ()))


def node_names(server: Server) -> Finding:
    """The node-name table: which label gave the name, and which were rejected."""
    register = Register(Fleet(server.cluster.name), naming_of(server.settings))
    register.learn(server.series)
    nodes: defaultdict[str, set[str]] = defaultdict(set)
    rejected: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for one in server.series:
        name = register.node(one)
        label, passed = _giver(one, name, register.naming.node_labels)
        nodes[label].add(name)
        for other, value in passed:
            rejected[other, _why_rejected(other, value)].add(value)
    rows = [_row(label, sorted(found)) for label, found in nodes.items()]
    rows += [_rejected_row(*key, sorted(v)) for key, v in rejected.items()]
    every = sorted(set().union(*nodes.values())) if nodes else []
    return replace(_verdict(every, nodes, rejected), rows=tuple(rows))


def _giver(
    labels: Labels, name: str, order: Sequence[str]
) -> tuple[str, list[tuple[str, str]]]:
    """The label that gave the name, and those before it that were passed over."""
    passed: list[tuple[str, str]] = []
    for label in order:
        value = labels.get(label, "")
        text = host_of(value) if label == "instance" else value
        if not text:
            continue
        if text == name:
            return label, passed
        passed.append((label, value))
    return "node_map or a last resort", passed


def _why_rejected(label: str, value: str) -> str:
    text = host_of(value) if label == "instance" else value
    if _CONTAINER.fullmatch(text):
        return "a container's id"
    if _LOOPBACK.fullmatch(text):
        return "loopback"
    if is_address(text):
        return "an address"
    return "shared by several nodes, an exporter's pod, or renamed"


def _row(label: str, names: Sequence[str]) -> tuple[str, ...]:
    return (label, f"names {counted(len(names), 'node')}", some(names, 3))


def _rejected_row(label: str, why: str, values: Sequence[str]) -> tuple[str, ...]:
    return (label, f"rejected: {why}", some(values, 3))


def _verdict(
    names: Sequence[str],
    nodes: Mapping[str, set[str]],
    rejected: Mapping[tuple[str, str], set[str]],
) -> Finding:
    addresses = [name for name in names if is_address(host_of(name))]
    if addresses:
        return warn(
            "node names",
            f"{len(addresses)} of {len(names)} nodes are known by an address only, "
            "which changes when a pod moves",
            "add a `node` label by relabelling in Prometheus, or set node_map",
        )
    by = " and ".join(nodes) or "nothing"
    notes = f"; {len(rejected)} kinds of names rejected" if rejected else ""
    return ok("node names", f"{counted(len(names), 'node')}, named by {by}{notes}")
