"""Silences act on words, never on states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpuwatch.model.incident import Incident
from gpuwatch.model.silence import Silence


def labels_of(incident: Incident) -> Mapping[str, frozenset[str]]:
    """What a matcher can see; an incident on many GPUs has many values."""
    members = incident.members
    return {
        "cluster": frozenset({incident.cluster}),
        "node": frozenset({m.node for m in members} | set(incident.nodes)),
        "gpu": frozenset({str(m.gpu) for m in members if m.gpu is not None}),
        "uuid": frozenset({m.uuid for m in members if m.uuid}),
        "rule": frozenset(incident.rules or (incident.lead,)),
        "job": frozenset({incident.job} if incident.job else ()),
        "severity": frozenset({incident.severity.word}),
        "category": frozenset({incident.category.value}),
    }


def silenced_by(
    incident: Incident, silences: Iterable[Silence], now: float
) -> Silence | None:
    """The first active silence that matches.

    A silence for one node does not mute an incident that has grown past that node.
    """
    labels = labels_of(incident)
    for silence in silences:
        if silence.active(now) and silence.matches(labels) and _covers(silence, labels):
            return silence
    return None


def _covers(silence: Silence, labels: Mapping[str, frozenset[str]]) -> bool:
    """Every value of a matched label must match, so that growth is not hidden."""
    return all(
        matcher.matches({matcher.name: frozenset({value})})
        for matcher in silence.matchers
        for value in labels.get(matcher.name, frozenset())
        if matcher.name in {"node", "gpu", "uuid"}
    )
