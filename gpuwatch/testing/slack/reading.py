"""How the fake shows its messages through the API: documents and pages."""

import base64
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from gpuwatch.testing.slack.limits import Refusal
from gpuwatch.testing.slack.messages import FakeMessage
from gpuwatch.testing.slack.workspace import Workspace, flag

TEAM_ID, USER_ID, BOT_ID = "T00000001", "U00000001", "B00000001"
PAGE_MESSAGES = 100
PAGE_MESSAGES_MAX = 999


def history(
    workspace: Workspace, channel: str, args: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer conversations.history: what the channel shows, newest first."""
    shown = [m for m in workspace.messages if m.channel == channel and m.in_channel]
    return _page(workspace, _between(shown, args)[::-1], args)


def replies(
    workspace: Workspace, channel: str, args: Mapping[str, Any]
) -> dict[str, Any]:
    """Answer conversations.replies: a thread with its parent, oldest first."""
    parent = workspace.find(channel, args.get("ts"), "thread_not_found")
    thread = [parent, *_thread(workspace, parent)]
    return _page(workspace, _between(thread, args), args)


def _thread(workspace: Workspace, parent: FakeMessage) -> list[FakeMessage]:
    root = (parent.channel, parent.ts)
    return [m for m in workspace.messages if (m.channel, m.thread_ts) == root]


def document(
    workspace: Workspace, message: FakeMessage, *, with_metadata: bool
) -> dict[str, Any]:
    """Spell a message out as Slack does."""
    found: dict[str, Any] = {"type": "message", "user": USER_ID, "bot_id": BOT_ID}
    found |= {"ts": message.ts, "text": message.text, "blocks": message.blocks}
    if message.attachments:
        found["attachments"] = message.attachments
    if message.edits:
        found["edited"] = {"user": USER_ID, "ts": message.ts}
    if message.metadata and with_metadata:
        found["metadata"] = message.metadata
    if message.broadcast:
        found["subtype"] = "thread_broadcast"
    return found | _thread_facts(workspace, message)


def _thread_facts(workspace: Workspace, message: FakeMessage) -> dict[str, Any]:
    if message.is_reply:
        return {"thread_ts": message.thread_ts}
    thread = _thread(workspace, message)
    if not thread:
        return {}
    return {
        "thread_ts": message.ts,
        "reply_count": len(thread),
        "latest_reply": thread[-1].ts,
    }


def _between(
    messages: Sequence[FakeMessage], args: Mapping[str, Any]
) -> list[FakeMessage]:
    oldest = _moment(args.get("oldest") or 0, "invalid_ts_oldest")
    latest = _moment(args.get("latest") or 10**12, "invalid_ts_latest")
    if flag(args.get("inclusive")):
        return [m for m in messages if oldest <= Decimal(m.ts) <= latest]
    return [m for m in messages if oldest < Decimal(m.ts) < latest]


def _moment(value: Any, refusal: str) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise Refusal(refusal) from error


def _page(
    workspace: Workspace, messages: Sequence[FakeMessage], args: Mapping[str, Any]
) -> dict[str, Any]:
    start = _after_cursor(messages, args.get("cursor"))
    limit = min(int(args.get("limit") or PAGE_MESSAGES), PAGE_MESSAGES_MAX)
    page, more = messages[start : start + limit], len(messages) > start + limit
    wanted = flag(args.get("include_all_metadata"))
    cursor = base64.b64encode(page[-1].ts.encode()).decode() if more else ""
    return {
        "messages": [document(workspace, m, with_metadata=wanted) for m in page],
        "has_more": more,
        "response_metadata": {"next_cursor": cursor},
    }


def _after_cursor(messages: Sequence[FakeMessage], cursor: Any) -> int:
    if not cursor:
        return 0
    for index, message in enumerate(messages):
        if base64.b64encode(message.ts.encode()).decode() == cursor:
            return index + 1
    raise Refusal("invalid_cursor")


def channel_document(workspace: Workspace, channel: str) -> dict[str, Any]:
    """Describe a channel as conversations.info does."""
    return {
        "id": channel,
        "name": workspace.channels[channel],
        "is_channel": True,
        "is_private": False,
        "is_archived": False,
        "is_member": True,
    }
