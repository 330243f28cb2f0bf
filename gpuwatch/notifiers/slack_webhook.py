"""A Slack incoming webhook: it can post, but neither edit nor answer nor look.

So only what people must hear is posted, each as a message of its own. After an
unclear answer a message is posted again and may repeat.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Message, Reason, Receipt
from gpuwatch.notifiers.answers import PAYLOAD, classified, limited
from gpuwatch.notifiers.blocks import blocks, spoken
from gpuwatch.notifiers.mrkdwn import mention_markup

_log = logging.getLogger(__name__)
_WORDS = {
    Reason.WORSE: "Worse",
    Reason.WIDER: "Wider",
    Reason.CAUSE: "Cause found",
    Reason.REOPENED: "Back again",
}


class SlackWebhookNotifier:
    """One webhook. Its URL is a secret and never appears in an error."""

    name = "slack_webhook"
    edits = False

    def __init__(
        self, url: str, mention: str = "<!here>", timeout_seconds: float = 10.0
    ) -> None:
        self._url = url
        self._mention = mention_markup(mention)
        self._timeout_seconds = timeout_seconds

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Post; the receipt can be used for nothing but knowing that it was said."""
        del previous
        contents = _contents(_announced(message), self._mention)
        while True:
            answer = self._post(contents.pop(0))
            code = answer.text.strip()
            if answer.status_code == 200 and code == "ok":
                return Receipt(self.name, message.id)
            if code not in PAYLOAD or not contents:
                raise _refusal(answer, code)
            _log.warning("Slack refused a card (%s); sending it as text", code)

    def find(self, message_id: str, previous: Receipt | None) -> Receipt | None:
        """None: a webhook cannot look."""
        del message_id, previous
        return None

    def _post(self, content: dict[str, Any]) -> requests.Response:
        try:
            return requests.post(
                self._url,
                json=content,
                timeout=self._timeout_seconds,
                allow_redirects=False,
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema):
            raise NotifyError(
                "the webhook's URL is not valid", configuration=True
            ) from None
        except requests.RequestException as error:  # its text holds the URL
            raise _breakage(error) from None


def _breakage(error: requests.RequestException) -> NotifyError:
    inner = error.args[0] if error.args else None
    refused = isinstance(getattr(inner, "reason", None), NewConnectionError)
    early = (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError)
    return NotifyError(
        f"Slack's webhook cannot be reached ({type(error).__name__})",
        ambiguous=not (refused or isinstance(error, early)),
    )


def _refusal(answer: requests.Response, code: str) -> NotifyError:
    if answer.status_code == 429:
        return limited(answer.headers)
    word = code if code.replace("_", "").isalnum() else ""
    return classified(word, answer.status_code)


def _announced(message: Message) -> Message:
    """Say why the same incident is posted again."""
    word, card = _WORDS.get(message.reason), message.card
    if word is None or card is None:
        return message
    return replace(message, card=replace(card, headline=f"{word}: {card.headline}"))


def _contents(message: Message, mention: str) -> list[dict[str, Any]]:
    called = mention if message.mention else ""
    text = f"{spoken(message)} {called}".strip()
    if message.card is None:
        return [{"text": text}]
    face = blocks(message.card, at=message.at, mention=called)
    return [{"text": text, "blocks": face}, {"text": text}]
