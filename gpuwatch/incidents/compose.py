"""An incident's face, made anew from its conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.guilt import culprits, meant, members
from gpuwatch.incidents.kinship import is_of_job
from gpuwatch.incidents.plight import plight
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, Ending, State
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.incident import EventKind, Incident, Member
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Notify, Scope, Severity
from gpuwatch.model.verdict import Finding

FLAPPING_AFTER = 3
CLUSTER_SHARE = 0.20
_DOORS = list(Notify)


def compose(book: Book, scene: Scene, now: float, nodes_in_service: int) -> None:
    """Bring every touched incident up to its conditions."""
    touched = [
        incident
        for incident_id in sorted(book.touched)
        if (incident := book.incidents.get(incident_id)) and not incident.merged_into
    ]
    guilty = culprits(book) if touched else {}
    composer = _Composer(book, scene, now, nodes_in_service, guilty)
    for incident in touched:
        conditions = book.of(incident.id)
        if conditions:
            composed = composer.composed(incident, conditions)
            book.incidents[incident.id] = _settled(book, composed, conditions, now)


@dataclass(frozen=True)
class _Composer:
    """What every incident of one cycle is composed with."""

    book: Book
    scene: Scene
    now: float
    nodes_in_service: int
    guilty: Mapping[str, Sequence[Subject]]

    def composed(self, incident: Incident, conditions: Sequence[Condition]) -> Incident:
        firing = [c for c in conditions if c.state is State.FIRING]
        found = meant(self.book, firing or conditions)
        lead = _lead(incident, found, conditions)
        leading = [c for c in found if c.rule == lead.rule] or [lead]
        rule = self.book.rules.get(lead.rule)
        about = members(self.scene, found) or incident.members
        job = _job(lead, conditions) or incident.job
        severity, notify = _loudness(self.book, incident, lead, firing)
        changed = replace(
            incident,
            lead=lead.rule,
            category=rule.category if rule else incident.category,
            notify=notify,
            severity=severity,
            members=about,
            nodes=tuple(dict.fromkeys(m.node for m in about)),
            scope=_scope(lead, about, self.nodes_in_service),
            place=self._place(about, found),
            job=job,
            rules=tuple(dict.fromkeys([lead.rule, *(c.rule for c in conditions)])),
            started_at=min(c.started_at for c in conditions),
            evidence={**lead.evidence, **self._plight(job, firing)},
            peers=self.scene.peers(lead, job) if firing else incident.peers,
            unknown_since=_since_all([c.unknown_since for c in leading]),
            unloaded_since=_since_all([c.unloaded_since for c in leading]),
            victims=self._victims(incident, job, firing),
            arrival=incident.arrival and all(c.arrival for c in firing),
        )
        if rule is None:
            return changed
        return self._worded(changed, rule, lead, found)

    def _plight(self, job: str, firing: Sequence[Condition]) -> Mapping[str, float]:
        gpus = len(self.scene.rows_of_job(job))
        return plight(self.book.rank, firing, self.now, gpus)

    def _victims(
        self, incident: Incident, job: str, firing: Sequence[Condition]
    ) -> int:
        """GPUs of the job that wait, for this culprit and for any other."""
        rules = {self.book.rules[c.rule] for c in firing if c.rule in self.book.rules}
        if not any(rule.slows_job for rule in rules):
            return incident.victims
        return self.scene.waiting(job, self.guilty.get(job, ()))

    def _place(self, about: Sequence[Member], found: Sequence[Condition]) -> str:
        nodes = list(dict.fromkeys(member.node for member in about))
        if len(nodes) > 1:
            return self.scene.shared_place(nodes)
        whole = len(about) > 1 and self.scene.is_whole_node(
            nodes[0], [c.subject for c in found]
        )
        return f"all GPUs of {nodes[0]}" if whole else ""

    def _worded(
        self,
        incident: Incident,
        rule: Rule,
        lead: Condition,
        found: Sequence[Condition],
    ) -> Incident:
        gpus = [self.scene.gpu(c.subject) for c in found]
        finding = Finding(
            subject=lead.subject,
            severity=incident.severity,
            evidence=lead.evidence,
            gpu=self.scene.gpu(lead.subject),
            members=tuple(gpu for gpu in gpus if isinstance(gpu, Gpu)),
            peers=incident.peers,
            nodes=incident.nodes,
            job=incident.job,
            words=lead.words,
        )
        words = rule.explain(finding)
        return replace(incident, summary=words.summary, action=words.action)


def _lead(
    incident: Incident, found: Sequence[Condition], conditions: Sequence[Condition]
) -> Condition:
    """The condition that speaks: of the leading rule if any is left, else the worst.

    While only the job's own finding is left, its culprit goes on speaking.
    """
    own = [c for c in found if c.rule == incident.lead]
    before = [c for c in conditions if c.rule == incident.lead]
    return max(
        own or found or before or conditions, key=lambda c: (c.severity, -c.started_at)
    )


def _loudness(
    book: Book, incident: Incident, lead: Condition, firing: Sequence[Condition]
) -> tuple[Severity, Notify]:
    """How loud, and through which door.

    A finding raises the severity only if its rule may be heard as far as the leading
    one; where it does, its door is taken too. What was once so bad stays so until its
    end: a critical incident of which only a note is left is no note.
    """
    heard = [(c.severity, book.notify(c.rule)) for c in firing if c.rule in book.rules]
    if not heard or lead.rule not in book.rules:
        return incident.severity, incident.notify
    own = book.notify(lead.rule)
    heard = [said for said in heard if _DOORS.index(said[1]) >= _DOORS.index(own)]
    severity = max((level for level, _ in heard), default=lead.severity)
    worst = max(severity, incident.severity)
    if lead.severity >= severity:
        return worst, own
    doors = [door for level, door in heard if level is severity]
    return worst, max(doors, key=_DOORS.index)


def _job(lead: Condition, conditions: Sequence[Condition]) -> str:
    """The job that is held up, else the one that the leading GPU works for."""
    held_up = [c.subject.job for c in conditions if is_of_job(c)]
    return held_up[0] if held_up else next(iter(lead.jobs), "")


def _scope(lead: Condition, about: Sequence[Member], nodes_in_service: int) -> Scope:
    nodes = {member.node for member in about}
    if len(nodes) > 1:
        wide = len(nodes) > CLUSTER_SHARE * nodes_in_service
        return Scope.CLUSTER if wide else Scope.DOMAIN
    if len(about) > 1:
        return Scope.NODE
    if len(about) == 1:
        return Scope.NODE if about[0].uuid is None else Scope.GPU
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
