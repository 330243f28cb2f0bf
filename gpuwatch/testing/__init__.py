"""Helpers for tests, ours and those of third-party plug-ins.

Real small HTTP servers on loopback ports and the real Prometheus, no mocks:
`FakeSlack`, `FakePrometheus`, `RealPrometheus` and the faults they can play.
"""

from gpuwatch.testing.exchange import Exchange, Reply, Request
from gpuwatch.testing.faults import (
    Dribble,
    Fault,
    HangSeconds,
    Html,
    HttpStatus,
    Reset,
    TimeoutAfterAccept,
    TimeoutBeforeAccept,
    Truncated,
)
from gpuwatch.testing.ports import claimed_port
from gpuwatch.testing.prometheus import (
    ErrorAnswer,
    FakePrometheus,
    IsPartial,
    RealPrometheus,
    Warnings,
    backfilled,
    prometheus_available,
)
from gpuwatch.testing.server import LoopbackServer
from gpuwatch.testing.slack import (
    Burst,
    Call,
    Edit,
    Error,
    FakeMessage,
    FakeSlack,
    RateLimited,
    messages_from_log,
    text_of,
)

__all__ = [
    "Burst",
    "Call",
    "Dribble",
    "Edit",
    "Error",
    "ErrorAnswer",
    "Exchange",
    "FakeMessage",
    "FakePrometheus",
    "FakeSlack",
    "Fault",
    "HangSeconds",
    "Html",
    "HttpStatus",
    "IsPartial",
    "LoopbackServer",
    "RateLimited",
    "RealPrometheus",
    "Reply",
    "Request",
    "Reset",
    "TimeoutAfterAccept",
    "TimeoutBeforeAccept",
    "Truncated",
    "Warnings",
    "backfilled",
    "claimed_port",
    "messages_from_log",
    "prometheus_available",
    "text_of",
]
