"""From an incident to the words on its card; no channel's dialect, no escaping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from gpuwatch.incidents.evidence import told_evidence
from gpuwatch.incidents.plight import say_job, told_plight
from gpuwatch.model.condition import Ending
from gpuwatch.model.duration import say_duration
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.message import Card, Link, Reason, Tone
from gpuwatch.model.severity import Scope, Severity

MOST_MEMBERS = 12
_ENDINGS = {
    Ending.RECOVERED: "recovered",
    Ending.REPLACED: "ended: the card was replaced",
    Ending.RETIRED: "ended: taken out of service",
    Ending.ABSORBED: "part of another incident",
    Ending.CLOSED: "closed by a person",
    Ending.EXPIRED: "over: not seen again",
    Ending.DISABLED: "ended: the rule was switched off",
}


@dataclass(frozen=True)
class Links:
    """Templates of places to look, by the link's text.

    `{cluster}`, `{node}`, `{gpu}`, `{uuid}`, `{job}`, `{rule}`, `{incident}` and
    `{start_ms}` are filled in, URL-quoted.
    """

    templates: Mapping[str, str] = field(default_factory=dict)

    def of(self, incident: Incident) -> tuple[Link, ...]:
        """The links that this incident can fill in."""
        only = incident.only
        values = {
            "cluster": incident.cluster,
            "node": incident.nodes[0] if incident.nodes else "",
            "gpu": str(only.gpu) if only and only.gpu is not None else "",
            "uuid": (only.uuid or "") if only else "",
            "job": incident.job,
            "rule": incident.lead,
            "incident": incident.id,
            "start_ms": str(round(incident.started_at * 1000)),
        }
        quoted = {name: _quoted(value) for name, value in values.items()}
        return tuple(
            Link(text, template.format(**quoted))
            for text, template in self.templates.items()
        )


def _quoted(value: str) -> str:
    return quote(value, safe="")


def place(incident: Incident) -> str:
    """Where, in a few words: `node-17 GPU 3`, `5 GPUs on node-17`, `9 nodes`."""
    members, nodes = incident.members, incident.nodes
    if incident.scope is Scope.JOB and not members:
        return say_job(incident.job)
    if not members:
        return f"cluster {incident.cluster}"
    if len(nodes) > 1:
        gpus = sum(m.uuid is not None for m in members)
        wide = f"{gpus} GPUs on {len(nodes)} nodes" if gpus else f"{len(nodes)} nodes"
        return f"{wide}, all in {incident.place}" if incident.place else wide
    if len(members) > 1:
        return f"{len(members)} GPUs on {nodes[0]}"
    return _member(members[0])


def _member(member: Member) -> str:
    if member.uuid is None:
        return member.node
    slot = f"GPU {member.gpu}" if member.gpu is not None else member.uuid[:12]
    return f"{member.node} {slot}"


def tone(incident: Incident) -> Tone:
    """The card's face. Green only for a real recovery."""
    if not incident.open:
        recovered = incident.ending is Ending.RECOVERED
        return Tone.RESOLVED if recovered else Tone.ENDED
    if incident.unknown_since is not None:
        return Tone.UNKNOWN
    if incident.ack is not None or incident.silenced_by:
        return Tone.ACKED
    return {
        Severity.CRITICAL: Tone.CRITICAL,
        Severity.WARNING: Tone.WARNING,
        Severity.INFO: Tone.INFO,
    }[incident.severity]


def headline(incident: Incident, now: float) -> str:
    """Enough on a lock screen: severity, symptom, place, how long."""
    lasted = (incident.resolved_at or now) - incident.started_at
    where, long = place(incident), say_duration(lasted)
    if not incident.open:
        how = _ENDINGS[incident.ending or Ending.RECOVERED]
        word = "Resolved" if incident.ending is Ending.RECOVERED else "Ended"
        return f"{word}: {incident.summary} · {where} · {how} after {long}"
    return f"{incident.severity.name}: {incident.summary} · {where} · {long}"


def card(incident: Incident, now: float, links: Links) -> Card:
    """The whole card."""
    return Card(
        tone=tone(incident),
        headline=headline(incident, now),
        facts=tuple(_facts(incident)),
        lines=tuple(_lines(incident, now)),
        action=incident.action if incident.open else "",
        links=links.of(incident),
        footer=f"{incident.id} · {incident.cluster} · rule {incident.lead}",
    )


def _facts(incident: Incident) -> Sequence[tuple[str, str]]:
    facts = list(told_evidence(incident.evidence, incident.peers))
    if incident.job:
        waiting = f", {incident.victims} GPUs wait" if incident.victims else ""
        name = say_job(incident.job).replace("the job ", "job ").removeprefix("job ")
        facts.append(("Job", f"{name}{waiting}"))
    only = incident.only
    if only and only.uuid:
        facts.append(("UUID", only.uuid))
    return facts


def _lines(incident: Incident, now: float) -> Sequence[str]:
    """Short sentences about what a reader would otherwise have to ask."""
    lines = []
    culprit = place(incident) if incident.members and incident.open else ""
    job = told_plight(incident.job, incident.evidence, culprit)
    if job:
        lines.append(job)
    if len(incident.members) > 1:
        lines.append(_listed(incident))
    also = [rule for rule in incident.rules if rule != incident.lead]
    if also:
        lines.append("Also seen: " + ", ".join(rule.replace("_", " ") for rule in also))
    if incident.open:
        lines += _doubts(incident, now)
    if incident.reopened:
        often = "flapping" if incident.flapping else "reopened"
        lines.append(f"{often}: {incident.reopened + 1} times so far")
    if incident.merged_into:
        lines.append(f"Continues in {incident.merged_into}")
    if incident.ack:
        since = say_duration(now - incident.ack.at)
        lines.append(f"Acknowledged by {incident.ack.by} {since} ago")
    if incident.silenced_by:
        lines.append(f"Silenced by {incident.silenced_by}")
    return lines


def _doubts(incident: Incident, now: float) -> Sequence[str]:
    if incident.unknown_since is not None:
        since = say_duration(now - incident.unknown_since)
        return [f"No data for {since}: state unknown, not recovered"]
    if incident.unloaded_since is not None:
        since = say_duration(now - incident.unloaded_since)
        return [
            f"Not under load for {since}: recovery is not proven until the next job"
        ]
    return []


def _listed(incident: Incident) -> str:
    if incident.place and len(incident.nodes) == 1:
        return f"On {incident.place}"
    by_node: dict[str, list[str]] = {}
    for member in incident.members:
        slots = by_node.setdefault(member.node, [])
        if member.gpu is not None:
            slots.append(str(member.gpu))
    named = [
        f"{node} ({', '.join(slots)})" if slots else node
        for node, slots in by_node.items()
    ]
    rest = len(named) - MOST_MEMBERS
    more = f" and {rest} more" if rest > 0 else ""
    return "On " + ", ".join(named[:MOST_MEMBERS]) + more


_NOTES = {
    Reason.FIRST: "Opened",
    Reason.WORSE: "Worse",
    Reason.WIDER: "Wider",
    Reason.CAUSE: "Cause found",
    Reason.REMINDER: "Still open, not acknowledged",
    Reason.RESOLVED: "",
    Reason.REOPENED: "Back again",
    Reason.UPDATE: "Update",
}


def note(incident: Incident, reason: Reason, now: float) -> str:
    """The reply under the card, for the reason why it is written."""
    word = _NOTES[reason]
    return f"{word}: {headline(incident, now)}" if word else headline(incident, now)


def arrival_card(incidents: Sequence[Incident], now: float) -> Card:
    """Everything that stood when gpuwatch first looked, on one card."""
    still = [incident for incident in incidents if incident.open]
    worst = max((i.severity for i in still), default=Severity.INFO)
    faces = {
        Severity.CRITICAL: Tone.CRITICAL,
        Severity.WARNING: Tone.WARNING,
        Severity.INFO: Tone.INFO,
    }
    cluster = incidents[0].cluster
    count = f"{len(still)} of {len(incidents)} still open"
    return Card(
        tone=faces[worst] if still else Tone.ENDED,
        headline=f"Found on arrival in {cluster}: {len(incidents)} incidents, {count}",
        summary="These were there when gpuwatch first looked.",
        items=tuple(headline(incident, now) for incident in _worst_first(incidents)),
        footer=f"found on arrival · {cluster}",
    )


def _worst_first(incidents: Sequence[Incident]) -> Sequence[Incident]:
    return sorted(incidents, key=lambda i: (not i.open, -i.severity, i.started_at))
