"""An incident as the JSON that outsiders rely on (design.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from gpuwatch.model.condition import State
from gpuwatch.model.incident import Incident


def as_record(incident: Incident) -> dict[str, Any]:
    """The incident in JSON types; fields may be added here, never removed.

    `node`, `gpu` and `uuid` are null unless there is exactly one; times are UTC ISO
    with Z, whole seconds; `evidence` has finite numbers only.
    """
    only, nodes = incident.only, _nodes(incident)
    return {
        "id": incident.id,
        "rule": incident.lead,
        "category": incident.category.value,
        "severity": incident.severity.word,
        "state": incident.state.value,
        "ending": incident.ending.value if incident.ending else None,
        "scope": incident.scope.value,
        "cluster": incident.cluster,
        "node": nodes[0] if len(nodes) == 1 else None,
        "gpu": only.gpu if only else None,
        "uuid": only.uuid if only else None,
        "job": incident.job or None,
        "place": incident.place or None,
        "members": [
            {"node": m.node, "gpu": m.gpu, "uuid": m.uuid} for m in incident.members
        ],
        "summary": incident.summary,
        "action": incident.action,
        "evidence": {k: v for k, v in incident.evidence.items() if math.isfinite(v)},
        "victims": incident.victims,
        "merged_into": incident.merged_into,
        "started_at": iso(incident.started_at),
        "detected_at": iso(incident.detected_at),
        "resolved_at": iso(incident.resolved_at),
    }


def document(incidents: Iterable[Incident]) -> dict[str, Any]:
    """The one document `{"incidents": [...]}`; pending ones are not listed."""
    return {
        "incidents": [as_record(i) for i in incidents if i.state is not State.PENDING]
    }


def iso(at: float | None) -> str | None:
    """Unix seconds as `2026-11-24T06:00:00Z`, milliseconds dropped; None if unknown."""
    if at is None or not math.isfinite(at):
        return None
    whole = datetime.fromtimestamp(math.floor(at), UTC)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")


def _nodes(incident: Incident) -> tuple[str, ...]:
    named = (*incident.nodes, *(member.node for member in incident.members))
    return tuple(dict.fromkeys(named))
