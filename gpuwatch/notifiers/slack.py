"""Slack with a bot token: one message a card, edited, with notes in its thread.

Scopes: `chat:write` to speak; `channels:history` (`groups:history` in a private
channel) to look, after an unclear answer, whether a message has arrived. Without
history such a message is sent again and may repeat.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Card, Message, MessageKind, Receipt
from gpuwatch.notifiers.answers import BROKEN, PAYLOAD, breakage, code_of, refusal
from gpuwatch.notifiers.blocks import blocks, spoken
from gpuwatch.notifiers.mrkdwn import mention_markup

LOOK_BACK_SECONDS = 7 * 86_400.0  # a daemon may lie dead over a long weekend
LOOK_PAGES = 20
PAGE_MESSAGES = 200
EVENT_TYPE = "gpuwatch"
_LEFT_OUT = "Details were left out: Slack refused them."
_log = logging.getLogger(__name__)
_sdk_log = logging.getLogger(f"{__name__}.sdk")
_sdk_log.setLevel(logging.CRITICAL)  # delivery says what failed, once

Content = dict[str, Any]


class SlackNotifier:
    """One channel of one workspace. Every failure comes as a NotifyError.

    `channel`: `#name` or an id. `mention`: who is called on a critical message.
    """

    name = "slack"
    edits = True

    def __init__(
        self,
        token: str,
        channel: str,
        base_url: str = "https://slack.com/api/",
        mention: str = "<!here>",
        timeout_seconds: float = 10.0,
    ) -> None:
        self._client = WebClient(
            token,
            base_url=base_url,
            timeout=timeout_seconds,  # type: ignore[arg-type]  # goes to urlopen
            retry_handlers=[],
            logger=_sdk_log,
        )
        self._client.proxy = None  # then urllib obeys NO_PROXY as well
        self._channel = channel
        self._mention = mention_markup(mention)
        self._id = channel if _is_id(channel) else ""

    def send(self, message: Message, previous: Receipt | None) -> Receipt:
        """Post a card, edit it, or answer it in its thread."""
        if message.kind is MessageKind.NOTE:
            return self._post(message, _thread(message, previous))
        if previous is None:
            return self._post(message, {})
        return self._edit(message, previous)

    def find(self, message_id: str, previous: Receipt | None) -> Receipt | None:
        """A message by its id: under `previous` if given, else in the channel.

        None if it is not there or cannot be looked for; NotifyError when looking
        failed for the moment.
        """
        try:
            for seen in self._shown(previous):
                if _id_in(seen) == message_id:
                    channel = previous.channel if previous else self._id
                    return Receipt(channel, str(seen["ts"]))
        except SlackApiError as error:
            trouble = refusal(error)
            if trouble.ambiguous or trouble.retry_after_seconds is not None:
                raise trouble from error
        except BROKEN as error:
            raise breakage(error) from error
        return None

    def _post(self, message: Message, place: Content) -> Receipt:
        about = {"message_id": message.id, "card_id": message.card_id}
        return self._say(
            self._client.chat_postMessage,
            message,
            metadata={"event_type": EVENT_TYPE, "event_payload": about},
            unfurl_links=False,
            unfurl_media=False,
            **({"channel": self._channel} | place),
        )

    def _edit(self, message: Message, previous: Receipt) -> Receipt:
        """Blocks and attachments are always sent: Slack keeps what is left out."""
        return self._say(
            self._client.chat_update,
            message,
            channel=previous.channel,
            ts=previous.ts,
            attachments=[],
        )

    def _say(
        self, call: Callable[..., SlackResponse], message: Message, **where: Any
    ) -> Receipt:
        contents = _contents(message, self._mention)
        answering = "ts" in where or "thread_ts" in where
        while True:
            content = contents.pop(0)
            try:
                answer = call(**content, **where)
            except SlackApiError as error:
                code = code_of(error)
                if code not in PAYLOAD or not contents:
                    raise refusal(error, answering=answering) from error
                _log.warning("Slack refused a card (%s); sending less of it", code)
                contents = contents[-1:] if code == "invalid_blocks" else contents
            except BROKEN as error:
                raise breakage(error) from error
            else:
                return self._receipt(answer)

    def _receipt(self, answer: SlackResponse) -> Receipt:
        channel, ts = answer.get("channel"), answer.get("ts")
        if not (isinstance(channel, str) and isinstance(ts, str)):
            raise NotifyError("Slack said ok without a ts", ambiguous=True)
        self._id = channel
        return Receipt(channel, ts)

    def _shown(self, previous: Receipt | None) -> Iterator[Content]:
        """Messages with their metadata, newest first in the channel."""
        if previous is not None:
            yield from _pages(
                self._client.conversations_replies,
                channel=previous.channel,
                ts=previous.ts,
                include_all_metadata=True,
            )
        elif self._find_channel():
            oldest = time.time() - LOOK_BACK_SECONDS
            yield from _pages(
                self._client.conversations_history,
                channel=self._id,
                oldest=f"{oldest:.6f}",
                include_all_metadata=True,
            )

    def _find_channel(self) -> str:
        """The channel's id (reading needs it); asks once, with `channels:read`."""
        kinds = ("public_channel", "private_channel")
        for kind in kinds if not self._id else ():
            try:
                self._id = self._id or self._named_channel(kind)
            except SlackApiError as error:
                if code_of(error) != "missing_scope":
                    raise
        return self._id

    def _named_channel(self, kind: str) -> str:
        wanted = self._channel.lstrip("#")
        listing = self._client.conversations_list
        for found in _pages(listing, "channels", types=kind, exclude_archived=True):
            if found.get("name") == wanted:
                return str(found["id"])
        return ""


def _pages(
    call: Callable[..., SlackResponse], key: str = "messages", **arguments: Any
) -> Iterator[Content]:
    cursor = None
    for _ in range(LOOK_PAGES):
        page = call(cursor=cursor, limit=PAGE_MESSAGES, **arguments)
        yield from page.get(key) or []
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _contents(message: Message, mention: str) -> list[Content]:
    """What to try, fullest first: all blocks, the essential ones, text alone."""
    called = mention if message.mention else ""
    text = f"{spoken(message)} {called}".strip()
    if message.card is None:
        return [{"text": text, "blocks": []}]
    cards = (message.card, _essential(message.card))
    faces = [blocks(card, at=message.at, mention=called) for card in cards]
    return [{"text": text, "blocks": face} for face in (*faces, [])]


def _essential(card: Card) -> Card:
    return replace(card, facts=(), lines=(), items=(), links=(), footer=_LEFT_OUT)


def _thread(message: Message, previous: Receipt | None) -> Content:
    if previous is None:
        return {}
    place: Content = {"thread_ts": previous.ts, "channel": previous.channel}
    return place | ({"reply_broadcast": True} if message.broadcast else {})


def _id_in(seen: Content) -> str:
    payload = (seen.get("metadata") or {}).get("event_payload") or {}
    return str(payload.get("message_id") or "")


def _is_id(channel: str) -> bool:
    named = channel.startswith("#") or not channel.isalnum()
    return not named and channel[:1] in "CGD" and channel == channel.upper()
