"""One attempt at one message: look first when in doubt, post anew when it is gone."""

from __future__ import annotations

import logging
from functools import partial

from gpuwatch.errors import NotifyError, guarded
from gpuwatch.model.message import Message, MessageKind, Reason, Receipt
from gpuwatch.ports import Notifier

LOOKS = 6  # after so many attempts a message goes out even if looking still fails
_POSTED = frozenset(
    {
        Reason.FIRST,
        Reason.WORSE,
        Reason.WIDER,
        Reason.CAUSE,
        Reason.RESOLVED,
        Reason.REOPENED,
    }
)
_log = logging.getLogger(__name__)


def is_said(notifier: Notifier, message: Message, previous: Receipt | None) -> bool:
    """Whether nothing is to be sent: a channel that cannot edit takes news only.

    A card that was never posted is news whatever its reason: it may be all that is
    left of a first message that was superseded while it waited.
    """
    if notifier.edits:
        return False
    if message.kind is MessageKind.NOTE:
        return True
    return previous is not None and message.reason not in _POSTED


def attempt(
    notifier: Notifier,
    message: Message,
    previous: Receipt | None,
    *,
    doubt: bool,
    tries: int,
) -> Receipt | NotifyError:
    """Send it; a plug-in's own exception counts as an unclear answer.

    `doubt`: look for the message before posting. `tries`: attempts before this one.
    """
    trouble: list[NotifyError] = []
    with guarded(f"notifier {notifier.name}", partial(_told, trouble)):
        patient = tries < LOOKS
        return _convey(notifier, message, previous, doubt=doubt, patient=patient)
    return trouble[0]


def _told(trouble: list[NotifyError], what: str, error: Exception) -> None:
    if not isinstance(error, NotifyError):
        _log.error("%s failed", what, exc_info=error)
        error = NotifyError(f"failed with {type(error).__name__}", ambiguous=True)
    trouble.append(error)


def _convey(
    notifier: Notifier,
    message: Message,
    previous: Receipt | None,
    *,
    doubt: bool,
    patient: bool,
) -> Receipt:
    """An edit may be repeated; a post after doubt must be looked for."""
    posts = message.kind is MessageKind.NOTE or previous is None
    found = _look(notifier, message.id, previous, patient) if doubt and posts else None
    if found is not None:
        return found
    try:
        return notifier.send(message, previous)
    except NotifyError as error:
        if not error.edit_lost or previous is None:
            raise
        _log.warning("a message is gone (%s); posting it anew", error.reason)
    found = _look(notifier, message.id, None, patient) if doubt else None
    return found or notifier.send(message, None)


def _look(
    notifier: Notifier, message_id: str, previous: Receipt | None, patient: bool
) -> Receipt | None:
    trouble: list[NotifyError] = []
    with guarded(f"notifier {notifier.name}", partial(_told, trouble)):
        return notifier.find(message_id, previous)
    error = trouble[0]
    if not patient and error.retry_after_seconds is None:
        return None
    raise NotifyError(
        f"looking for it failed: {error.reason}",
        retry_after_seconds=error.retry_after_seconds,
        ambiguous=True,
    )
