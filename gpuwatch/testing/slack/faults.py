"""Faults in Slack's own words: its error codes and its rate limit."""

from dataclasses import dataclass

from gpuwatch.testing.exchange import Exchange, Reply
from gpuwatch.testing.slack.limits import Refusal

WEBHOOK = "webhook"


@dataclass(frozen=True)
class Error:
    """Slack answers with an error code; not accepted."""

    code: str

    def play(self, exchange: Exchange) -> None:
        """Refuse."""
        exchange.send(refused(exchange.method, Refusal(self.code)))


@dataclass(frozen=True)
class RateLimited:
    """Slack answers 429 with Retry-After; not accepted."""

    retry_after_seconds: float

    def play(self, exchange: Exchange) -> None:
        """Ask for patience."""
        retry_after = {"Retry-After": f"{self.retry_after_seconds:g}"}
        if exchange.method == WEBHOOK:
            exchange.send(Reply(429, b"rate_limited", headers=retry_after))
            return
        body = b'{"ok": false, "error": "ratelimited"}'
        exchange.send(Reply(429, body, "application/json", retry_after))


def refused(method: str, refusal: Refusal) -> Reply:
    """Answer a refusal: `ok: false` with HTTP 200, or a webhook's plain 4xx."""
    if method == WEBHOOK:
        status = 404 if refusal.code.endswith(("not_found", "no_service")) else 400
        return Reply(status, refusal.code.encode())
    document = {"ok": False, "error": refusal.code, **refusal.extra}
    if refusal.details:
        messages = [f"[ERROR] {detail}" for detail in refusal.details]
        document["errors"] = list(refusal.details)
        document["response_metadata"] = {"messages": messages}
    return Reply.of_json(document)
