"""A Slack message as the fake remembers it, and as a person reads it."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

Block = dict[str, Any]
# keys under which Block Kit keeps what a person can see
VISIBLE_KEYS = (
    "text",
    "title",
    "fields",
    "elements",
    "accessory",
    "label",
    "pretext",
    "fallback",
    "footer",
    "alt_text",
    "blocks",
    "placeholder",
    "options",
)


class Edit(NamedTuple):
    """What a message said before one edit."""

    text: str
    blocks: list[Block]


@dataclass
class FakeMessage:
    """One message; `edits` holds its former contents, oldest first."""

    ts: str
    channel: str
    text: str
    blocks: list[Block] = field(default_factory=list)
    attachments: list[Block] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    broadcast: bool = False
    by_webhook: bool = False
    edits: list[Edit] = field(default_factory=list)

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread rather than in the channel."""
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def in_channel(self) -> bool:
        """Whether the channel shows it outside of any thread."""
        return self.broadcast or not self.is_reply

    def to_json(self) -> str:
        """One line for a log."""
        return json.dumps(asdict(self))


def messages_from_log(path: Path) -> list[FakeMessage]:
    """Read the last state of every message that a server process has logged."""
    latest: dict[tuple[str, str], FakeMessage] = {}
    for line in path.read_text().splitlines():
        fields = json.loads(line)
        fields["edits"] = [Edit(*edit) for edit in fields["edits"]]
        message = FakeMessage(**fields)
        latest[message.channel, message.ts] = message
    return list(latest.values())


def text_of(message: FakeMessage) -> str:
    """Return all that a person can read in a message, one piece a line."""
    pieces = [message.text]
    pieces += visible_pieces(message.blocks)
    pieces += visible_pieces(message.attachments)
    return "\n".join(piece for piece in pieces if piece)


def visible_pieces(node: Any) -> Iterator[str]:
    """Walk Block Kit for its human-visible strings, in reading order."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from visible_pieces(item)
    elif isinstance(node, dict):
        yield from _visible_in_object(node)


def _visible_in_object(node: Block) -> Iterator[str]:
    for key in VISIBLE_KEYS:
        yield from visible_pieces(node.get(key))
    if "title" in node and "type" not in node:  # a field of an attachment
        yield from visible_pieces(node.get("value"))


def text_chars(node: Any) -> int:
    """Count the characters of every `text` string, as Slack's total cap does."""
    if isinstance(node, list):
        return sum(text_chars(item) for item in node)
    if not isinstance(node, dict):
        return 0
    own = node.get("text")
    inner = sum(text_chars(value) for value in node.values())
    return inner + (len(own) if isinstance(own, str) else 0)
