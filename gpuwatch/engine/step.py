"""What one cycle decided: everything that one transaction must write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpuwatch.model.condition import Condition
from gpuwatch.model.identity import Subject
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Message
from gpuwatch.model.silence import Silence
from gpuwatch.model.snapshot import Column

ConditionKey = tuple[str, Subject]
KeptKey = tuple[str, str]


@dataclass(frozen=True)
class Step:
    """The changes of one cycle, and nothing that did not change.

    Args:
        conditions: changed ones by key; None = forgotten.
        incidents: changed ones, whole.
        kept: changed rule memory by (rule, name), whole columns over fleet rows
            (or nodes, for node-scoped rules).
        facts: changed engine facts by name (JSON values): when rules were first
            judged, boots seen, and the like.
        taken: ids of the requests that this step took up.
        silences: silences that were added or ended.
        notes: what an operator should find in the log, said once.
        fleet_changed: rows, retirements or instance names changed.
    """

    cluster: str
    at: float
    conditions: Mapping[ConditionKey, Condition | None] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    kept: Mapping[KeptKey, Column] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    taken: tuple[int, ...] = ()
    silences: tuple[Silence, ...] = ()
    notes: tuple[str, ...] = ()
    fleet_changed: bool = False


def merged(earlier: Step, later: Step) -> Step:
    """Two steps as one, for a store that was away in between."""
    incidents = {i.id: i for i in (*earlier.incidents, *later.incidents)}
    silences = {s.id: s for s in (*earlier.silences, *later.silences)}
    return Step(
        cluster=later.cluster,
        at=later.at,
        conditions={**earlier.conditions, **later.conditions},
        incidents=tuple(incidents.values()),
        events=earlier.events + later.events,
        messages=earlier.messages + later.messages,
        kept={**earlier.kept, **later.kept},
        facts={**earlier.facts, **later.facts},
        taken=earlier.taken + later.taken,
        silences=tuple(silences.values()),
        notes=earlier.notes + later.notes,
        fleet_changed=earlier.fleet_changed or later.fleet_changed,
    )


@dataclass
class Memory:
    """All that an engine must be given back after a restart."""

    cluster: str
    conditions: dict[ConditionKey, Condition] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    kept: dict[KeptKey, Column] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
