"""FakeSlack: the Slack Web API and incoming webhooks on a loopback port."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gpuwatch.testing.exchange import Reply, Request
from gpuwatch.testing.server import LoopbackServer
from gpuwatch.testing.slack import reading
from gpuwatch.testing.slack.faults import WEBHOOK, refused
from gpuwatch.testing.slack.limits import BLOCKS_TEXT_CHARS, TEXT_CHARS, Refusal
from gpuwatch.testing.slack.messages import FakeMessage, text_of
from gpuwatch.testing.slack.workspace import Burst, Workspace

T = TypeVar("T")
API = "/api/"
WEBHOOK_PATH = "/services/T000/B000/XXX"
SCOPES = ("chat:write", "channels:read", "channels:history")
NEEDED_SCOPE = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.info": "channels:read",
    "conversations.list": "channels:read",
}
Answer = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call as it came in, whatever became of it."""

    method: str
    args: dict[str, Any]
    at_seconds: float  # monotonic


class FakeSlack(LoopbackServer):
    """A Slack workspace with one bot, to be read the way a person reads it."""

    def __init__(
        self,
        *,
        port: int = 0,
        channel_name: str = "gpu-alerts",
        token: str = "xoxb-fake",  # noqa: S107 (opens nothing but this fake)
        scopes: Sequence[str] = SCOPES,
        blocks_text_cap_chars: int = BLOCKS_TEXT_CHARS,
    ) -> None:
        super().__init__(port=port)
        self.token = token
        self.scopes = tuple(scopes)
        self.workspace = Workspace(blocks_text_cap_chars)
        self.channel_name = channel_name.lstrip("#")
        self.channel_id = self.workspace.add_channel(channel_name)
        self.calls: list[Call] = []
        self._methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.info": self._info,
            "conversations.list": self._list,
        }

    @property
    def url(self) -> str:
        """The Web API's base URL, with its trailing slash."""
        return self.origin + API

    @property
    def webhook_url(self) -> str:
        """The incoming webhook, which posts into the first channel."""
        return self.origin + WEBHOOK_PATH

    @property
    def messages(self) -> list[FakeMessage]:
        """Every message in order of posting."""
        with self.workspace.changed:
            return list(self.workspace.messages)

    @property
    def bursts(self) -> list[Burst]:
        """Messages less than a second after the one before in their channel."""
        with self.workspace.changed:
            return list(self.workspace.bursts)

    def add_channel(self, name: str) -> str:
        """Create a further channel and return its id."""
        return self.workspace.add_channel(name)

    def top_level(self, channel_id: str | None = None) -> list[FakeMessage]:
        """Return what stands in the channel itself, broadcasts included."""
        channel = channel_id or self.channel_id
        return [m for m in self.messages if m.channel == channel and m.in_channel]

    def thread(self, ts: str) -> list[FakeMessage]:
        """Return the replies to a message."""
        return [m for m in self.messages if m.is_reply and m.thread_ts == ts]

    def text_of(self, message: FakeMessage) -> str:
        """Return all that a person can read in a message."""
        return text_of(message)

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of one method; `webhook` is the webhook's."""
        with self.workspace.changed:
            return [call for call in self.calls if call.method == method]

    def wait_for(
        self, predicate: Callable[["FakeSlack"], T], timeout_seconds: float = 10.0
    ) -> T:
        """Wait until a predicate of this server holds and return what it said.

        It is tried again at every call, message and edit. TimeoutError tells
        what the channel said in the end.
        """
        with self.workspace.changed:
            found = self.workspace.changed.wait_for(
                lambda: predicate(self), timeout_seconds
            )
            if not found:
                raise TimeoutError(f"not within {timeout_seconds:g} s; {self._told()}")
            return found

    def _told(self) -> str:
        lines = [f"{m.ts} {text_of(m)!r}" for m in self.messages]
        return "\n".join([f"{len(lines)} messages, {len(self.calls)} calls", *lines])

    def receive(self, request: Request) -> str:
        """Take note of a call."""
        method = WEBHOOK
        if request.path.startswith(API):
            method = request.path.removeprefix(API)
        with self.workspace.changed:
            self.calls.append(Call(method, _arguments(request), request.at_seconds))
            self.workspace.changed.notify_all()
        return method

    def common_headers(self) -> Mapping[str, str]:
        """Every answer tells the token's scopes."""
        return {**super().common_headers(), "X-OAuth-Scopes": ",".join(self.scopes)}

    def respond(self, request: Request) -> Reply:
        """Answer as Slack does."""
        if not request.path.startswith(API):
            return self._webhook(request)
        method = request.path.removeprefix(API)
        try:
            self._authorize(method, request)
            with self.workspace.changed:
                found = self._methods[method](request.args)
        except Refusal as refusal:
            return refused(method, refusal)
        return Reply.of_json({"ok": True, **found})

    def _authorize(self, method: str, request: Request) -> None:
        bearer = str(request.headers.get("Authorization") or "")
        token = bearer.removeprefix("Bearer ") or request.args.get("token")
        if not token:
            raise Refusal("not_authed")
        if token != self.token:
            raise Refusal("invalid_auth")
        if method not in self._methods:
            raise Refusal("unknown_method")
        needed = NEEDED_SCOPE.get(method)
        if needed and needed not in self.scopes:
            provided = ",".join(self.scopes)
            raise Refusal("missing_scope", needed=needed, provided=provided)

    def _webhook(self, request: Request) -> Reply:
        try:
            payload = _webhook_payload(request)
            self.workspace.post(self.channel_id, payload, by_webhook=True)
        except Refusal as refusal:
            return refused(WEBHOOK, refusal)
        return Reply(200, b"ok")

    def _auth_test(self, _args: Mapping[str, Any]) -> Answer:
        ids = {"team_id": reading.TEAM_ID, "user_id": reading.USER_ID}
        names = {"url": self.origin + "/", "team": "fake", "user": "gpuwatch"}
        return {**ids, **names, "bot_id": reading.BOT_ID}

    def _post(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"), by_name=True)
        message = self.workspace.post(channel, args)
        answer = self._stored(message)
        if len(str(args.get("text") or "")) > TEXT_CHARS:
            answer["response_metadata"] = {"warnings": ["message_truncated"]}
        return answer

    def _update(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"))
        message = self.workspace.update(channel, args)
        return {**self._stored(message), "text": message.text}

    def _stored(self, message: FakeMessage) -> Answer:
        shown = reading.document(self.workspace, message, with_metadata=True)
        return {"channel": message.channel, "ts": message.ts, "message": shown}

    def _permalink(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"))
        wanted = args.get("message_ts")
        message = self.workspace.find(channel, wanted, "message_not_found")
        link = f"{self.origin}/archives/{channel}/p{message.ts.replace('.', '')}"
        return {"channel": channel, "permalink": link}

    def _history(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"))
        return reading.history(self.workspace, channel, args)

    def _replies(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"))
        return reading.replies(self.workspace, channel, args)

    def _info(self, args: Mapping[str, Any]) -> Answer:
        channel = self.workspace.channel_id(args.get("channel"))
        return {"channel": reading.channel_document(self.workspace, channel)}

    def _list(self, _args: Mapping[str, Any]) -> Answer:
        channels = self.workspace.channels
        known = [reading.channel_document(self.workspace, c) for c in channels]
        return {"channels": known, "response_metadata": {"next_cursor": ""}}


def _arguments(request: Request) -> dict[str, Any]:
    """Unpack a webhook's `payload=` form besides the ordinary ways."""
    args = request.args
    if "payload" not in args:
        return args
    try:
        return dict(json.loads(args["payload"]))
    except (TypeError, ValueError):
        return {}


def _webhook_payload(request: Request) -> dict[str, Any]:
    if request.path != WEBHOOK_PATH:
        raise Refusal("no_service")
    payload = _arguments(request)
    if not payload:
        raise Refusal("invalid_payload")
    return payload
