"""A Slack workspace on a loopback port, for tests to read like a person."""

from gpuwatch.testing.slack.faults import Error, RateLimited
from gpuwatch.testing.slack.messages import (
    Edit,
    FakeMessage,
    messages_from_log,
    text_of,
)
from gpuwatch.testing.slack.server import Call, FakeSlack
from gpuwatch.testing.slack.workspace import Burst

__all__ = [
    "Burst",
    "Call",
    "Edit",
    "Error",
    "FakeMessage",
    "FakeSlack",
    "RateLimited",
    "messages_from_log",
    "text_of",
]
