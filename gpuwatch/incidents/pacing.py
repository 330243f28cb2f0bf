"""Why speak now? A named reason, or silence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpuwatch.incidents.plight import SLOW
from gpuwatch.model.condition import Ending, State
from gpuwatch.model.incident import Incident, Told
from gpuwatch.model.message import Reason
from gpuwatch.model.severity import Notify, Scope, Severity

REMINDERS_SECONDS = (4 * 3600.0, 8 * 3600.0, 24 * 3600.0)
REFRESH_SECONDS = 600.0
_WIDTH = {Scope.GPU: 0, Scope.NODE: 1, Scope.JOB: 2, Scope.DOMAIN: 3, Scope.CLUSTER: 4}


@dataclass(frozen=True, slots=True)
class Speech:
    """What to do about one incident now.

    `card`: post or edit its message. `note`: a reply under it. `loud`: the note is
    shown in the channel too, or the card is new: people are disturbed.
    """

    reason: Reason
    card: bool = True
    note: bool = False
    loud: bool = False


def is_for_channel(incident: Incident) -> bool:
    """Whether it is more than a line of the digest."""
    wanted = incident.notify in (Notify.CHANNEL, Notify.PAGE)
    return wanted and incident.severity >= Severity.WARNING


def calls_people(incident: Incident) -> bool:
    """Whether a mention is due: critical, on a rule that may page."""
    return incident.severity >= Severity.CRITICAL and incident.notify is Notify.PAGE


def why_speak(
    incident: Incident, now: float, *, silenced: bool, refresh_seconds: float
) -> Speech | None:
    """The reason to speak about an incident, or None."""
    told = incident.told
    if told is None:
        fresh = incident.open and is_for_channel(incident) and not silenced
        return Speech(Reason.FIRST, loud=True) if fresh else None
    speech = _news(incident, told, now)
    if speech is None:
        return _quiet(incident, told, now, refresh_seconds)
    if silenced:
        return Speech(speech.reason) if speech.reason is Reason.RESOLVED else None
    return speech


def _news(incident: Incident, told: Told, now: float) -> Speech | None:
    if not incident.open:
        unsaid = told.state is not State.RESOLVED
        merged = incident.ending is Ending.ABSORBED
        return Speech(Reason.RESOLVED, note=not merged) if unsaid else None
    if told.state is State.RESOLVED:
        loud = not incident.flapping
        return Speech(Reason.REOPENED, note=loud, loud=loud)
    reason = _growth(incident, told, now)
    return Speech(reason, note=True, loud=True) if reason else None


def _growth(incident: Incident, told: Told, now: float) -> Reason | None:
    if incident.severity > told.severity:
        return Reason.WORSE
    if told.scope is Scope.JOB and incident.members:
        return Reason.CAUSE
    if _is_wider(incident, told):
        return Reason.WIDER
    return Reason.REMINDER if _reminder_due(incident, told, now) else None


def _is_wider(incident: Incident, told: Told) -> bool:
    if _WIDTH[incident.scope] > _WIDTH[told.scope]:
        return True
    return len(incident.members) >= 2 * max(told.members, 1)


def _reminder_due(incident: Incident, told: Told, now: float) -> bool:
    if incident.ack is not None or not calls_people(incident):
        return False
    last = len(REMINDERS_SECONDS) - 1
    return now - told.at >= REMINDERS_SECONDS[min(told.reminders, last)]


def _quiet(
    incident: Incident, told: Told, now: float, refresh_seconds: float
) -> Speech | None:
    """An edit that disturbs nobody: something changed, or the numbers are old."""
    changed = face(incident) != told.face
    old = incident.open and now - incident.refreshed_at >= refresh_seconds
    return Speech(Reason.UPDATE) if changed or old else None


def face(incident: Incident) -> str:
    """What makes two cards differ for a reader, numbers aside."""
    return "|".join(
        str(part)
        for part in (
            incident.state.value,
            incident.severity.word,
            incident.lead,
            len(incident.members),
            incident.nodes,
            SLOW in incident.evidence,
            incident.ack and incident.ack.by,
            incident.silenced_by,
            incident.unknown_since is not None,
            incident.unloaded_since is not None,
            incident.flapping,
            incident.merged_into,
            incident.ending and incident.ending.value,
        )
    )


def having_spoken(incident: Incident, speech: Speech, now: float) -> Incident:
    """The incident with what was said about it remembered."""
    before = incident.told
    loud = speech.reason is not Reason.UPDATE or before is None
    reminders = before.reminders if before else 0
    told = Told(
        at=now if loud or before is None else before.at,
        state=incident.state,
        severity=incident.severity,
        scope=incident.scope,
        members=len(incident.members),
        reminders=reminders + (speech.reason is Reason.REMINDER),
        reopened=incident.reopened,
        face=face(incident),
    )
    if speech.reason is Reason.UPDATE and before is not None:
        told = replace(
            told, severity=before.severity, scope=before.scope, members=before.members
        )
    return replace(incident, told=told, refreshed_at=now)


def ack_is_void(incident: Incident) -> bool:
    """An acknowledgement holds until it gets worse or wider than what was seen."""
    ack = incident.ack
    if ack is None:
        return False
    wider = len(incident.members) > max(ack.members, 1)
    return incident.severity > ack.severity or wider
