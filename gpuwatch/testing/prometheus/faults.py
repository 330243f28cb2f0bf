"""Answers that only a Prometheus gives: its errors and its half-truths."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gpuwatch.testing.exchange import Exchange, Reply


@dataclass(frozen=True)
class ErrorAnswer:
    """Prometheus's own error document, if asked for with data besides."""

    status: int
    error_type: str
    error: str
    data: Mapping[str, Any] | None = None

    def play(self, exchange: Exchange) -> None:
        """Answer with the error."""
        document = {"status": "error", "errorType": self.error_type}
        document["error"] = self.error
        data = {} if self.data is None else {"data": self.data}
        exchange.send(Reply.of_json({**document, **data}, self.status))


@dataclass(frozen=True)
class Warnings:
    """The ordinary answer, with warnings such as Thanos gives when partial."""

    warnings: Sequence[str]

    def play(self, exchange: Exchange) -> None:
        """Answer and warn."""
        _amended(exchange, {"warnings": list(self.warnings)})


@dataclass(frozen=True)
class IsPartial:
    """The ordinary answer, marked as VictoriaMetrics marks a partial one."""

    def play(self, exchange: Exchange) -> None:
        """Answer and mark."""
        _amended(exchange, {"isPartial": True})


def _amended(exchange: Exchange, extra: Mapping[str, Any]) -> None:
    reply = exchange.carry_out()
    document = {**json.loads(reply.body), **extra}
    exchange.send(Reply.of_json(document, reply.status))
