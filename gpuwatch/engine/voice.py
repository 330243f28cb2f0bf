"""From changed incidents to messages: who is told what, and why now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.muting import silenced_by
from gpuwatch.incidents.pacing import (
    REFRESH_SECONDS,
    Speech,
    ack_is_void,
    calls_people,
    having_spoken,
    why_speak,
)
from gpuwatch.incidents.wording import Links, arrival_card, card, note
from gpuwatch.model.incident import EventKind, Incident
from gpuwatch.model.message import Card, Message, MessageKind, Reason
from gpuwatch.model.severity import Severity
from gpuwatch.model.silence import Silence

_STORY = {
    Reason.FIRST: EventKind.OPENED,
    Reason.WORSE: EventKind.WORSE,
    Reason.WIDER: EventKind.WIDER,
    Reason.CAUSE: EventKind.CAUSE,
    Reason.REOPENED: EventKind.REOPENED,
}


@dataclass
class Voice:
    """Speaks for the incidents of one step."""

    book: Book
    now: float
    links: Links
    silences: Iterable[Silence]
    messages: list[Message] = field(default_factory=list)
    _cards_due: dict[str, tuple[Incident, Speech]] = field(default_factory=dict)

    def speak(self) -> Sequence[Message]:
        """Mute, pace and word every incident; cards come before their notes."""
        open_now = len(self.book.open_incidents())
        refresh = max(REFRESH_SECONDS, 30.0 * open_now)
        notes: list[Message] = []
        for incident in list(self.book.incidents.values()):
            marked = self._marked(incident)
            speech = why_speak(
                marked, self.now,
                silenced=marked.silenced_by is not None, refresh_seconds=refresh,
            )  # fmt: skip
            if speech is not None:
                marked, said = self._say(marked, speech)
                notes += said
            if marked is not incident:
                self.book.incidents[incident.id] = marked
        cards = [self._card(i, s) for i, s in self._cards_due.values()]
        self.messages = cards + notes
        return self.messages

    def _marked(self, incident: Incident) -> Incident:
        """With its silence and its acknowledgement brought up to date."""
        silence = silenced_by(incident, self.silences, self.now)
        name = f"{silence.author}: {silence.comment}" if silence else None
        marked = incident
        if name != incident.silenced_by:
            kind = EventKind.SILENCED if name else EventKind.UNSILENCED
            self.book.note(incident.id, self.now, kind, name or "")
            marked = replace(marked, silenced_by=name)
        if ack_is_void(marked):
            self.book.note(incident.id, self.now, EventKind.ACK_VOID, "worse or wider")
            marked = replace(marked, ack=None)
        return marked

    def _say(
        self, incident: Incident, speech: Speech
    ) -> tuple[Incident, Sequence[Message]]:
        card_id = incident.card_id or self._card_id(incident)
        homed = replace(incident, card_id=card_id)
        spoken = having_spoken(homed, speech, self.now)
        kind = _STORY.get(speech.reason)
        if kind is not None:
            text = note(spoken, speech.reason, self.now)
            self.book.note(spoken.id, self.now, kind, text)
        louder = self._cards_due.get(card_id)
        if louder is None or speech.loud:
            self._cards_due[card_id] = (spoken, speech)
        return spoken, [self._note(spoken, speech)] if speech.note else []

    def _card_id(self, incident: Incident) -> str:
        if not incident.arrival:
            return incident.id
        return f"arrival-{incident.cluster}-{incident.arrived_at:.0f}"

    def _card(self, incident: Incident, speech: Speech) -> Message:
        incident = self.book.incidents[incident.id]
        shared = self._sharing(incident.card_id)
        face = self._face(incident, shared)
        first = speech.reason is Reason.FIRST
        worst = max(i.severity for i in shared)
        return Message(
            id=f"{incident.card_id}/card/{self.now:.3f}",
            card_id=incident.card_id,
            cluster=incident.cluster,
            kind=MessageKind.CARD,
            reason=speech.reason,
            severity=worst,
            at=self.now,
            text=face.headline,
            card=face,
            mention=first and any(calls_people(i) for i in shared),
            urgent=_is_urgent(incident, speech),
            incident_ids=tuple(i.id for i in shared),
        )

    def _sharing(self, card_id: str) -> Sequence[Incident]:
        return [i for i in self.book.incidents.values() if i.card_id == card_id]

    def _face(self, incident: Incident, shared: Sequence[Incident]) -> Card:
        if len(shared) > 1:
            return arrival_card(shared, self.now)
        face = card(incident, self.now, self.links)
        if incident.card_id != incident.id:
            found = ("Found on arrival: it was there when gpuwatch first looked",)
            face = replace(face, lines=found + face.lines)
        return face

    def _note(self, incident: Incident, speech: Speech) -> Message:
        return Message(
            id=f"{incident.id}/{speech.reason.value}/{self.now:.3f}",
            card_id=incident.card_id,
            cluster=incident.cluster,
            kind=MessageKind.NOTE,
            reason=speech.reason,
            severity=incident.severity,
            at=self.now,
            text=note(incident, speech.reason, self.now),
            broadcast=speech.loud,
            mention=speech.loud and calls_people(incident),
            urgent=_is_urgent(incident, speech),
            incident_ids=(incident.id,),
        )


def _is_urgent(incident: Incident, speech: Speech) -> bool:
    return speech.loud and incident.severity >= Severity.CRITICAL
