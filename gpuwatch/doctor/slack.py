"""Would people hear of it: token, scopes, channel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from gpuwatch.doctor.finding import Finding, fail, ok, skip, warn
from gpuwatch.notifiers.answers import BROKEN, breakage, code_of
from gpuwatch.settings import SlackSettings

TIMEOUT_SECONDS = 10
PAGES, PAGE_CHANNELS = 20, 200
WEBHOOK_HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
SCOPES_URL = "at api.slack.com/apps under OAuth & Permissions, then reinstall the app"
_TOKEN_REMEDIES = {
    "invalid_auth": "copy the Bot User OAuth Token (xoxb-...) of the app again",
    "token_revoked": "reinstall the app and copy its new token",
    "token_expired": "reinstall the app without token rotation",
    "account_inactive": "the bot's user was switched off; reinstall the app",
    "not_authed": "set slack.token",
}


def slack(settings: SlackSettings) -> Iterator[Finding]:
    """The findings on the way to Slack; nothing is posted."""
    if settings.webhook_url is not None:
        yield _webhook(settings.webhook_url.get_secret_value())
    elif settings.token is not None and settings.channel:
        token = settings.token.get_secret_value()
        yield from _Bot(token, settings.base_url, settings.channel).findings()
    else:
        yield warn(
            "Slack",
            "no token and no webhook: messages go to the console, where nobody reads",
            "set slack.token and slack.channel, or slack.webhook_url",
        )


def _webhook(url: str) -> Finding:
    """Its form only: a webhook can do nothing but post. The URL is a secret."""
    parts = urlsplit(url)
    pieces = [piece for piece in parts.path.split("/") if piece]
    if parts.scheme != "https" or parts.hostname not in WEBHOOK_HOSTS:
        return warn(
            "Slack webhook",
            "the address is not one of Slack's (https://hooks.slack.com/...)",
            "if it is a relay of yours all is well; else copy the webhook's URL again",
        )
    if pieces[:1] != ["services"] or len(pieces) != 4:
        return fail(
            "Slack webhook",
            "the address is cut short: it ends in /services/T.../B.../...",
            "copy the whole URL from the app's page Incoming Webhooks",
        )
    hint = "a bot token would edit one message an incident, and prove its channel"
    return ok("Slack webhook", "has the right form; not tried, it would post", hint)


class _Bot:
    """Asks Slack about a token and a channel; every failure is a finding."""

    def __init__(self, token: str, base_url: str, channel: str) -> None:
        self._client = WebClient(
            token, base_url=base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[]
        )
        self._client.proxy = None  # then urllib obeys NO_PROXY as well
        self._channel = channel
        self._scopes: frozenset[str] = frozenset()

    def findings(self) -> Iterator[Finding]:
        """Token, scopes, channel, in that order; the first refusal ends it."""
        try:
            yield self._token()
            if not self._scopes:
                yield skip("Slack scopes", "Slack did not tell them (a proxy's doing?)")
                return
            yield self._speaks()
            found = self._find_channel()
            yield from self._about(found)
        except SlackApiError as error:
            yield self._refused(error)
        except BROKEN as error:
            mend = "does this host reach slack.com, perhaps by a proxy (HTTPS_PROXY)?"
            yield fail("Slack", str(breakage(error)), mend)

    def _token(self) -> Finding:
        answer = self._client.auth_test()
        headers = {str(k).lower(): v for k, v in answer.headers.items()}
        given = str(headers.get("x-oauth-scopes", ""))
        scopes = (scope.strip() for scope in given.split(","))
        self._scopes = frozenset(scope for scope in scopes if scope)
        who = f"{answer.get('user')} in {answer.get('team')}"
        return ok("Slack token", f"accepted, as {who}")

    def _refused(self, error: SlackApiError) -> Finding:
        code = code_of(error)
        remedy = _TOKEN_REMEDIES.get(code, "see https://api.slack.com/methods")
        return fail("Slack", f"it refuses: {code or 'no reason given'}", remedy)

    def _speaks(self) -> Finding:
        if "chat:write" in self._scopes:
            return ok("Slack scopes", ", ".join(sorted(self._scopes)))
        what = "the token lacks chat:write, so it cannot post"
        return fail("Slack scopes", what, f"add chat:write {SCOPES_URL}")

    def _find_channel(self) -> Mapping[str, Any] | None:
        """The channel's own description; None when the token may not look."""
        name = self._channel.lstrip("#")
        if _is_id(self._channel):
            return self._info(self._channel)
        for kind in self._visible_kinds():
            for channel in self._listed(kind):
                if channel.get("name") == name:
                    return self._info(str(channel["id"]))
        return {} if self._visible_kinds() else None

    def _visible_kinds(self) -> list[str]:
        kinds = {"channels:read": "public_channel", "groups:read": "private_channel"}
        return [kind for scope, kind in kinds.items() if scope in self._scopes]

    def _info(self, channel_id: str) -> Mapping[str, Any] | None:
        try:
            answer = self._client.conversations_info(channel=channel_id)
        except SlackApiError as error:
            if code_of(error) == "missing_scope":
                return None
            if code_of(error) == "channel_not_found":
                return {}
            raise
        found: Mapping[str, Any] = answer.get("channel") or {}
        return found

    def _listed(self, kind: str) -> Iterator[Mapping[str, Any]]:
        cursor = None
        for _ in range(PAGES):
            page = self._client.conversations_list(
                types=kind, limit=PAGE_CHANNELS, cursor=cursor, exclude_archived=True
            )
            yield from page.get("channels") or []
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _about(self, found: Mapping[str, Any] | None) -> Iterator[Finding]:
        if found is None:
            hint = f"to have it checked add channels:read {SCOPES_URL}"
            yield skip("Slack channel", "the token may not look channels up", hint)
            private = self._channel.startswith("G")
        elif not found:
            yield self._not_found()
            return
        else:
            yield self._membership(found)
            private = bool(found.get("is_private"))
        yield self._history("groups:history" if private else "channels:history")

    def _not_found(self) -> Finding:
        seen = " and ".join(kind.split("_")[0] for kind in self._visible_kinds())
        what = f"{self._channel} is not among the {seen} channels that the bot sees"
        mend = "check slack.channel; a private channel needs /invite and groups:read"
        return fail("Slack channel", what, mend)

    def _membership(self, found: Mapping[str, Any]) -> Finding:
        if found.get("is_archived"):
            mend = "unarchive it, or set another slack.channel"
            return fail("Slack channel", f"{self._channel} is archived", mend)
        if found.get("is_member") or "chat:write.public" in self._scopes:
            return ok("Slack channel", f"{self._channel} found, the bot may post there")
        what = f"the bot is not a member of {self._channel}"
        return fail("Slack channel", what, "write /invite @gpuwatch in that channel")

    def _history(self, scope: str) -> Finding:
        if scope in self._scopes:
            return ok("Slack history", "after a crash it is seen what was posted")
        what = f"no {scope}: after an unclear answer a message may be posted twice"
        return warn("Slack history", what, f"add {scope} {SCOPES_URL}")


def _is_id(channel: str) -> bool:
    return channel[:1] in ("C", "G", "D") and channel.isalnum() and channel.isupper()
