"""What people ask of gpuwatch: appended by anybody, taken up by the next cycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gpuwatch.model.silence import Silence


class RequestKind(StrEnum):
    """The verbs."""

    ACK = "ack"
    CLOSE = "close"
    SILENCE = "silence"
    UNSILENCE = "unsilence"
    FORGET = "forget"


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked.

    `target` is an incident id (ack, close), a silence id (unsilence), or a node name
    or GPU UUID (forget).
    """

    kind: RequestKind
    at: float
    by: str
    target: str = ""
    comment: str = ""
    silence: Silence | None = None
    id: int = 0
