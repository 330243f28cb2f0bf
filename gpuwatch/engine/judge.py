"""Every rule over one snapshot; a rule that raises knows nothing this time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gpuwatch.engine.past import Past
from gpuwatch.engine.pulse import Pulse
from gpuwatch.errors import guarded
from gpuwatch.model.company import Company
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Scope
from gpuwatch.model.snapshot import Column, Snapshot
from gpuwatch.model.stride import Stride
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window

Kept = Mapping[tuple[str, str], Column]


def windows_of(rules: Iterable[Rule]) -> dict[str, float]:
    """The metrics that rules read, each with the longest window asked for."""
    longest: dict[str, float] = {}
    for rule in rules:
        for read in rule.reads:
            longest[read.metric] = max(longest.get(read.metric, 0), read.window_seconds)
    return longest


def uncovered(rule: Rule, snapshot: Snapshot) -> tuple[str, ...]:
    """Required metrics that nobody exports, or that could not be read."""
    columns = {**snapshot.columns, **snapshot.node_columns}
    missing = [
        read.metric
        for read in rule.reads
        if read.required and not _is_read(read.metric, columns, snapshot)
    ]
    return tuple(missing)


def _is_read(metric: str, columns: Mapping[str, Column], snapshot: Snapshot) -> bool:
    if metric in ("xid", "xid_count"):
        return snapshot.xids_known is not None and bool(snapshot.xids_known.any())
    column = columns.get(metric)
    return column is not None and bool((~np.isnan(column)).any())


def subjects_of(rule: Rule, snapshot: Snapshot) -> int:
    """How many subjects the rule judges when it names none itself."""
    if rule.scope is Scope.GPU:
        return snapshot.rows
    return len(snapshot.fleet.nodes) if rule.scope is Scope.NODE else 0


@dataclass(frozen=True)
class Around:
    """What the engine knows around one snapshot, the same for every rule."""

    past: Past
    pulse: Pulse
    company: Company | None = None
    stride: Stride | None = None


def judge(
    rules: Iterable[Rule], snapshot: Snapshot, around: Around, kept: Kept
) -> tuple[dict[str, Verdicts], dict[str, str]]:
    """Verdicts by rule, and why rules failed.

    A rule that raised is UNKNOWN for all; so is one without its metrics.
    """
    verdicts: dict[str, Verdicts] = {}
    failures: dict[str, str] = {}

    def failed(name: str, error: Exception) -> None:
        failures[name] = f"{type(error).__name__}: {error}"

    grace = around.pulse.in_grace(snapshot)
    booted = around.pulse.node_reset_at(snapshot)
    own = _by_owner(kept)
    for rule in rules:
        verdicts[rule.name] = Verdicts.none_known(subjects_of(rule, snapshot))
        window = _window(rule, snapshot, around, own.get(rule.name, {}), booted)
        with guarded(rule.name, failed):
            verdicts[rule.name] = _spared(rule, rule.judge(window), snapshot, grace)
    return verdicts, failures


def _by_owner(kept: Kept) -> dict[str, dict[str, Column]]:
    found: dict[str, dict[str, Column]] = defaultdict(dict)
    for (owner, name), column in kept.items():
        found[owner][name] = column
    return found


def _window(
    rule: Rule,
    snapshot: Snapshot,
    around: Around,
    kept: Mapping[str, Column],
    booted: Column,
) -> Window:
    views = {
        read.metric: view
        for read in rule.reads
        if (view := around.past.view(read.metric, snapshot.rows)) is not None
    }
    longest = max((times for times, _ in views.values()), key=len, default=np.empty(0))
    return Window(
        now=snapshot,
        past={metric: values for metric, (_, values) in views.items()},
        past_at=longest,
        times={metric: times for metric, (times, _) in views.items()},
        kept=kept,
        booted_at=booted,
        company=around.company,
        stride=around.stride,
    )


def _spared(
    rule: Rule, verdicts: Verdicts, snapshot: Snapshot, grace: np.ndarray
) -> Verdicts:
    """Without rows in their boot grace, and without retired ones."""
    if verdicts.subjects is not None:
        return verdicts
    if rule.scope is Scope.GPU:
        excused = ~snapshot.fleet.in_service[: snapshot.rows]
        if rule.boot_grace:
            excused = excused | grace
    else:
        retired = snapshot.fleet.retired_nodes
        excused = np.array([node in retired for node in snapshot.fleet.nodes], bool)
    if not excused.any():
        return verdicts
    return replace(
        verdicts, firing=verdicts.firing & ~excused, known=verdicts.known & ~excused
    )
