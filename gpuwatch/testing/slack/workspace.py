"""The fake's memory: channels, messages, threads and edits."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gpuwatch.testing.slack.limits import TEXT_CHARS, Refusal, check_content
from gpuwatch.testing.slack.messages import Block, Edit, FakeMessage

BURST_WINDOW_SECONDS = 1.0  # Slack's special tier: one message a second a channel


@dataclass(frozen=True)
class Burst:
    """A message that came within a second of the channel's message before it."""

    channel: str
    ts: str
    at_seconds: float
    gap_seconds: float


def flag(value: Any) -> bool:
    """Read a boolean as forms and JSON spell it."""
    return str(value).lower() in {"true", "1"}


def parsed(args: Mapping[str, Any], name: str, refusal: str) -> Any:
    """Read an argument that forms carry as a JSON string; None if absent."""
    value = args.get(name)
    try:
        return json.loads(value) if isinstance(value, str) and value else value or None
    except ValueError as error:
        raise Refusal(refusal) from error


def objects(args: Mapping[str, Any], name: str, refusal: str) -> list[Block]:
    """Read a list of JSON objects."""
    found = parsed(args, name, refusal) or []
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        return found
    raise Refusal(refusal)


class Workspace:
    """Channels and their messages; every change wakes those who wait."""

    def __init__(self, blocks_text_cap_chars: int) -> None:
        self.changed = threading.Condition()
        self.channels: dict[str, str] = {}
        self.messages: list[FakeMessage] = []
        self.bursts: list[Burst] = []
        self.on_store: Callable[[FakeMessage], None] | None = None
        self._cap_chars = blocks_text_cap_chars
        self._last_ts_us = 0
        self._last_post: dict[str, float] = {}

    def add_channel(self, name: str) -> str:
        """Create a channel and return its id."""
        with self.changed:
            channel_id = f"C{len(self.channels) + 1:09d}"
            self.channels[channel_id] = name.lstrip("#")
            return channel_id

    def channel_id(self, wanted: Any, *, by_name: bool = False) -> str:
        """Find a channel by id, or by name where Slack allows it."""
        for channel_id, name in self.channels.items():
            if wanted == channel_id or (by_name and str(wanted).lstrip("#") == name):
                return channel_id
        raise Refusal("channel_not_found")

    def find(self, channel: str, ts: Any, refusal: str) -> FakeMessage:
        """Find a message by channel and ts."""
        for message in self.messages:
            if (message.channel, message.ts) == (channel, ts):
                return message
        raise Refusal(refusal)

    def post(
        self, channel: str, args: Mapping[str, Any], *, by_webhook: bool = False
    ) -> FakeMessage:
        """Store a new message, or refuse it as Slack would."""
        with self.changed:
            message = self._composed(channel, args, by_webhook=by_webhook)
            self._note_rate(message)
            self.messages.append(message)
            self._stored(message)
            return message

    def _composed(
        self, channel: str, args: Mapping[str, Any], *, by_webhook: bool
    ) -> FakeMessage:
        text = str(args.get("text") or "")
        blocks = objects(args, "blocks", "invalid_blocks_format")
        attachments = objects(args, "attachments", "invalid_attachments")
        check_content(text, blocks, attachments, self._cap_chars)
        thread_ts = self._thread(channel, args.get("thread_ts"))
        return FakeMessage(
            ts=self._next_ts(),
            channel=channel,
            text=text[:TEXT_CHARS],
            blocks=blocks,
            attachments=attachments,
            thread_ts=thread_ts,
            metadata=parsed(args, "metadata", "invalid_metadata_format"),
            broadcast=thread_ts is not None and flag(args.get("reply_broadcast")),
            by_webhook=by_webhook,
        )

    def _next_ts(self) -> str:
        self._last_ts_us = max(time.time_ns() // 1000, self._last_ts_us + 1)
        return f"{self._last_ts_us // 10**6}.{self._last_ts_us % 10**6:06d}"

    def _thread(self, channel: str, thread_ts: Any) -> str | None:
        if not thread_ts:
            return None
        parent = self.find(channel, thread_ts, "invalid_thread_ts")
        return parent.thread_ts or parent.ts

    def _note_rate(self, message: FakeMessage) -> None:
        now = time.monotonic()
        gap = now - self._last_post.get(message.channel, -BURST_WINDOW_SECONDS)
        if gap < BURST_WINDOW_SECONDS:
            self.bursts.append(Burst(message.channel, message.ts, now, gap))
        self._last_post[message.channel] = now

    def update(self, channel: str, args: Mapping[str, Any]) -> FakeMessage:
        """Edit a message in place; blocks left out are kept, `[]` clears them."""
        with self.changed:
            message = self.find(channel, args.get("ts"), "message_not_found")
            if message.by_webhook:
                raise Refusal("cant_update_message")
            self._edit(message, args)
            self._stored(message)
            return message

    def _edit(self, message: FakeMessage, args: Mapping[str, Any]) -> None:
        if not any(name in args for name in ("text", "blocks", "attachments")):
            raise Refusal("no_text")
        text = str(args.get("text", message.text) or "")
        blocks, attachments = message.blocks, message.attachments
        if "blocks" in args:
            blocks = objects(args, "blocks", "invalid_blocks_format")
        if "attachments" in args:
            attachments = objects(args, "attachments", "invalid_attachments")
        if len(text) > TEXT_CHARS:
            raise Refusal("msg_too_long")
        check_content(text, blocks, attachments, self._cap_chars)
        metadata = parsed(args, "metadata", "invalid_metadata_format")
        message.edits.append(Edit(message.text, message.blocks))
        message.text, message.blocks = text, blocks
        message.attachments = attachments
        message.metadata = metadata or message.metadata

    def _stored(self, message: FakeMessage) -> None:
        if self.on_store is not None:
            self.on_store(message)
        self.changed.notify_all()
