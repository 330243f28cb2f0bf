"""What Slack's refusals mean for delivery (reference: Slack's error codes)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import URLError

from slack_sdk.errors import SlackApiError

from gpuwatch.errors import NotifyError

# slack-sdk stumbles with the latter two over an answer that is no JSON object
BROKEN = (HTTPException, OSError, ValueError, AttributeError)

RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
PAYLOAD = frozenset(
    {
        "msg_too_long",
        "msg_blocks_too_long",
        "invalid_blocks",
        "invalid_blocks_format",
        "too_many_attachments",
        "no_text",
    }
)
_LATER = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
_EDIT_LOST = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
        "thread_not_found",
        "invalid_thread_ts",
    }
)
_CHANNEL = frozenset(
    {"channel_not_found", "channel_is_archived", "not_in_channel", "is_archived"}
)
CONFIGURATION = _CHANNEL | frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "no_permission",
        "not_allowed_token_type",
        "missing_scope",
        "restricted_action",
        "team_access_not_granted",
        "ekm_access_denied",
        # incoming webhooks
        "action_prohibited",
        "invalid_token",
        "no_service",
        "no_service_id",
        "no_team",
        "team_disabled",
        "posting_to_general_channel_denied",
    }
)
RETRY_AFTER_SECONDS = 30.0  # a 429 without a readable Retry-After
RETRY_AFTER_MOST_SECONDS = 3600.0
_CODE_CHARS = 120
_NEVER_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


def code_of(error: SlackApiError) -> str:
    """Slack's word for what is wrong; empty when the answer was no JSON of Slack's."""
    document = error.response.data
    code = document.get("error") if isinstance(document, dict) else None
    word = code if isinstance(code, str) else ""
    return word if word.replace("_", "").isalnum() else ""


def refusal(error: SlackApiError, *, answering: bool = False) -> NotifyError:
    """An answer that Slack gave, classified.

    `answering` an older message: that its channel is closed to us (another
    workspace, an archived channel) loses the message, not the receiver.
    """
    response, code = error.response, code_of(error)
    status = int(response.status_code)
    if status == 429 or code in RATE_LIMITED:
        return limited(response.headers)
    if answering and code in _CHANNEL:
        return NotifyError(f"Slack answered {code}", edit_lost=True)
    hint = _scope_hint(response.data)
    return classified(code, status, hint)


def classified(code: str, status: int, hint: str = "") -> NotifyError:
    """From Slack's code and the HTTP status; an unknown code is tried again.

    After a 5xx, or a 200 that is no JSON, the message may have been accepted.
    """
    said = f"Slack answered {code or f'HTTP {status} without a code'}{hint}"
    if code in _EDIT_LOST:
        return NotifyError(said, edit_lost=True)
    if code in CONFIGURATION:
        return NotifyError(said, configuration=True)
    if code in PAYLOAD:
        return NotifyError(said, permanent=True)
    if status >= 500 or code in _LATER:
        return NotifyError(said, ambiguous=True)
    if not code:
        return NotifyError(said, ambiguous=status < 300, configuration=status >= 300)
    return NotifyError(said)


def limited(headers: Mapping[str, str]) -> NotifyError:
    """A 429: how long Slack wants to be left alone, in seconds."""
    lowered = {name.lower(): value for name, value in headers.items()}
    seconds = _seconds(lowered.get("retry-after", ""))
    said = f"Slack asks for a pause of {seconds:g} s"
    return NotifyError(said, retry_after_seconds=seconds)


def breakage(error: Exception) -> NotifyError:
    """A connection that failed; ambiguous unless the request cannot have arrived."""
    cause = error.reason if isinstance(error, URLError) else error
    never = isinstance(error, URLError) and isinstance(cause, _NEVER_SENT)
    return NotifyError(
        f"Slack cannot be reached ({type(cause).__name__})", ambiguous=not never
    )


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return RETRY_AFTER_SECONDS
    if not seconds >= 0:  # NaN too
        return RETRY_AFTER_SECONDS
    return min(seconds, RETRY_AFTER_MOST_SECONDS)


def _scope_hint(document: object) -> str:
    needed = document.get("needed") if isinstance(document, dict) else None
    return f" (needs {str(needed)[:_CODE_CHARS]})" if needed else ""
