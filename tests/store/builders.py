"""Small things to store."""

from gpuwatch.engine.step import Step
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.incident import Event, EventKind, Incident, Member
from gpuwatch.model.message import Card, Message, MessageKind, Reason, Tone
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.ports import Parcel

EMPTY = Fleet("c1")
GPU = Subject("c1", "node-01", "GPU-aaaa")


def incident(
    name: str = "i1",
    *,
    state: State = State.FIRING,
    detected_at: float = 100.0,
    resolved_at: float | None = None,
) -> Incident:
    return Incident(
        id=name,
        cluster="c1",
        lead="thermal_slowdown",
        category=Category.THERMAL,
        state=state,
        severity=Severity.CRITICAL,
        scope=Scope.GPU,
        started_at=90.0,
        detected_at=detected_at,
        updated_at=100.0,
        members=(Member("node-01", 3, "GPU-aaaa"),),
        evidence={"temperature_celsius": 91.0},
        resolved_at=resolved_at,
        card_id=name,
    )


def condition(
    subject: Subject = GPU, *, state: State = State.FIRING, incident_id: str = "i1"
) -> Condition:
    return Condition(
        rule="thermal_slowdown",
        subject=subject,
        state=state,
        started_at=90.0,
        incident_id=incident_id,
        evidence={"temperature_celsius": 91.0},
    )


def event(text: str = "opened", *, at: float = 100.0, incident_id: str = "i1") -> Event:
    return Event(incident_id, at, EventKind.OPENED, text)


def card(
    name: str,
    reason: Reason = Reason.UPDATE,
    *,
    card_id: str = "i1",
    mention: bool = False,
    severity: Severity = Severity.WARNING,
) -> Message:
    return Message(
        id=name,
        card_id=card_id,
        cluster="c1",
        kind=MessageKind.CARD,
        reason=reason,
        severity=severity,
        at=100.0,
        text=f"text of {name}",
        card=Card(Tone.WARNING, f"headline of {name}"),
        mention=mention,
    )


def note(name: str, *, card_id: str = "i1") -> Message:
    return Message(
        id=name,
        card_id=card_id,
        cluster="c1",
        kind=MessageKind.NOTE,
        reason=Reason.WORSE,
        severity=Severity.WARNING,
        at=100.0,
        text=f"text of {name}",
        broadcast=True,
    )


def parcel(number: int, message: Message, state: str = "queued") -> Parcel:
    return Parcel(number, "slack", message, state, attempts=0, due_at=0.0)


def saying(*messages: Message, at: float = 100.0) -> Step:
    return Step("c1", at, messages=messages)


def two_gpus() -> Fleet:
    return Fleet(
        "c1",
        gpus=[
            Gpu("node-01", "GPU-aaaa", index=0, model="H100"),
            Gpu("node-02", "GPU-bbbb", index=None),
        ],
        nodes=["node-03"],
        instances={"10.0.0.1:9400": "node-01"},
    )
