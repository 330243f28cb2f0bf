"""An incident's face, made anew from its conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, Ending, State
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import EventKind, Incident, Member
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Scope
from gpuwatch.model.verdict import Finding

FLAPPING_AFTER = 3
CLUSTER_SHARE = 0.20


def compose(book: Book, scene: Scene, now: float, nodes_in_service: int) -> None:
    """Bring every touched incident up to its conditions."""
    for incident_id in sorted(book.touched):
        incident = book.incidents.get(incident_id)
        if incident is None or incident.merged_into:
            continue
        conditions = book.of(incident_id)
        if conditions:
            composed = _composed(book, scene, incident, conditions, nodes_in_service)
            book.incidents[incident_id] = _settled(book, composed, conditions, now)


def _composed(
    book: Book,
    scene: Scene,
    incident: Incident,
    conditions: Sequence[Condition],
    nodes_in_service: int,
) -> Incident:
    firing = [c for c in conditions if c.state is State.FIRING]
    lead = _lead(incident, firing or list(conditions))
    leading = [c for c in firing or conditions if c.rule == lead.rule]
    rule = book.rules.get(lead.rule)
    members = _members(scene, leading) or incident.members
    job = scene.job(lead.subject) or incident.job
    changed = replace(
        incident,
        lead=lead.rule,
        category=rule.category if rule else incident.category,
        notify=rule.params.notify if rule else incident.notify,
        severity=max((c.severity for c in firing), default=incident.severity),
        members=members,
        nodes=tuple(dict.fromkeys(m.node for m in members)),
        scope=_scope(lead, members, nodes_in_service),
        job=job,
        rules=tuple(dict.fromkeys([lead.rule, *(c.rule for c in conditions)])),
        started_at=min(c.started_at for c in conditions),
        evidence=dict(lead.evidence),
        peers=scene.peers(lead, job) if firing else incident.peers,
        unknown_since=_since_all([c.unknown_since for c in leading]),
        unloaded_since=_since_all([c.unloaded_since for c in leading]),
        arrival=incident.arrival and all(c.arrival for c in firing),
    )
    if rule is None:
        return changed
    return _worded(changed, rule, lead, leading, scene)


def _worded(
    incident: Incident,
    rule: Rule,
    lead: Condition,
    leading: Sequence[Condition],
    scene: Scene,
) -> Incident:
    victims = incident.victims
    if rule.slows_job and incident.open:
        victims = scene.waiting(incident.job, [c.subject for c in leading])
    gpus = [scene.gpu(c.subject) for c in leading]
    finding = Finding(
        subject=lead.subject,
        severity=incident.severity,
        evidence=lead.evidence,
        gpu=scene.gpu(lead.subject),
        members=tuple(gpu for gpu in gpus if isinstance(gpu, Gpu)),
        peers=incident.peers,
        nodes=incident.nodes,
        job=incident.job,
        words=lead.words,
    )
    words = rule.explain(finding)
    return replace(
        incident, summary=words.summary, action=words.action, victims=victims
    )


def _lead(incident: Incident, candidates: list[Condition]) -> Condition:
    """The condition that speaks: of the leading rule if any is left, else the worst."""
    own = [c for c in candidates if c.rule == incident.lead]
    return max(own or candidates, key=lambda c: (c.severity, -c.started_at))


def _members(scene: Scene, leading: Sequence[Condition]) -> tuple[Member, ...]:
    found = (scene.member(c.subject) for c in leading)
    unique = dict.fromkeys(member for member in found if member is not None)
    return tuple(sorted(unique, key=lambda m: (m.node, m.gpu or 0, m.uuid or "")))


def _scope(lead: Condition, members: Sequence[Member], nodes_in_service: int) -> Scope:
    nodes = {member.node for member in members}
    if len(nodes) > 1:
        wide = len(nodes) > CLUSTER_SHARE * nodes_in_service
        return Scope.CLUSTER if wide else Scope.DOMAIN
    if len(members) > 1:
        return Scope.NODE
    return lead.subject.scope


def _since_all(since: Sequence[float | None]) -> float | None:
    known = [at for at in since if at is not None]
    return max(known) if known and len(known) == len(since) else None


def _settled(
    book: Book, incident: Incident, conditions: Sequence[Condition], now: float
) -> Incident:
    """Open while any condition fires; its ending is that of its leading conditions."""
    if any(c.state is State.FIRING for c in conditions):
        return replace(incident, updated_at=now)
    if not incident.open:
        return incident
    ending = _ending([c for c in conditions if c.rule == incident.lead] or conditions)
    resolved = replace(
        incident, state=State.RESOLVED, ending=ending, resolved_at=now, updated_at=now,
        flapping=incident.flapping or incident.reopened >= FLAPPING_AFTER,
        ack=None,
    )  # fmt: skip
    book.note(incident.id, now, EventKind.RESOLVED, ending.value)
    return resolved


def _ending(conditions: Sequence[Condition]) -> Ending:
    """Recovered only if all of them recovered."""
    endings = [c.ending for c in conditions if c.ending is not None]
    others = [ending for ending in endings if ending is not Ending.RECOVERED]
    return others[0] if others else Ending.RECOVERED
