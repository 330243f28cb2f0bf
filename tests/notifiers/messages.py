"""Cards and messages to send."""

from gpuwatch.model.message import Card, Link, Message, MessageKind, Reason, Tone
from gpuwatch.model.severity import Severity

AT = 1_800_000_000.0  # 2027-01-15 08:00 UTC

CRITICAL = Card(
    tone=Tone.CRITICAL,
    headline="CRITICAL: Braked by heat, 91 °C · node-17 GPU 3 · 12 min",
    summary="Slows job 4711: 383 GPUs wait for it.",
    facts=(
        ("GPU temperature", "91 °C (peers 62 °C)"),
        ("SM clock", "1 200 MHz (peers 1 980 MHz)"),
        ("Throttle reasons", "HW thermal slowdown"),
        ("Job", "4711, 383 GPUs wait"),
    ),
    lines=("Also seen: straggler clock",),
    action="Drain node-17, then check its fans and coolant: scontrol update ...",
    links=(Link("Grafana", "https://grafana.example/d/gpu?var-node=node-17&from=1"),),
    footer="gw-1a2b · h100 · rule thermal_slowdown",
)


def card(
    name: str = "m1",
    reason: Reason = Reason.FIRST,
    *,
    card_id: str = "i1",
    headline: str = "",
    severity: Severity = Severity.CRITICAL,
    mention: bool = False,
) -> Message:
    words = headline or f"headline of {name}"
    return Message(
        id=name,
        card_id=card_id,
        cluster="h100",
        kind=MessageKind.CARD,
        reason=reason,
        severity=severity,
        at=AT,
        text=words,
        card=Card(Tone.CRITICAL, words, action="Drain the node"),
        mention=mention,
        urgent=True,
    )


def note(
    name: str = "n1",
    reason: Reason = Reason.WORSE,
    *,
    card_id: str = "i1",
    text: str = "",
    broadcast: bool = False,
) -> Message:
    return Message(
        id=name,
        card_id=card_id,
        cluster="h100",
        kind=MessageKind.NOTE,
        reason=reason,
        severity=Severity.CRITICAL,
        at=AT,
        text=text or f"text of {name}",
        broadcast=broadcast,
    )
