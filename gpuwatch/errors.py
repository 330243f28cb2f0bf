"""Every error that gpuwatch raises on purpose, in one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class GpuwatchError(Exception):
    """The root: its text is one line that a person can act on."""


class ConfigError(GpuwatchError):
    """A setting cannot be used; says which, what it was and what to write instead."""

    def __init__(self, key: str, problem: str, remedy: str = "") -> None:
        self.key, self.problem, self.remedy = key, problem, remedy
        super().__init__(f"{key}: {problem}" + (f"; {remedy}" if remedy else ""))


class SourceError(GpuwatchError):
    """A reading failed; names the query, and whether asking again may help."""

    def __init__(
        self, query: str, reason: str, *, retryable: bool = False, partial: bool = False
    ) -> None:
        self.query, self.reason = query, reason
        self.retryable, self.partial = retryable, partial
        super().__init__(f"{query}: {reason}" if query else reason)


class StoreError(GpuwatchError):
    """The memory refused (locked, full, read-only, corrupt); nothing was written."""

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        self.reason, self.permanent = reason, permanent
        super().__init__(reason)


class NotifyError(GpuwatchError):
    """A message was not (or perhaps not) delivered.

    `permanent`: the same call can never succeed. `retry_after_seconds`: what the
    channel asked for. `ambiguous`: it may have been accepted; look before resending.
    `edit_lost`: what was to be edited is gone; post anew. `configuration`: nothing
    goes through until a person mends the settings (token, scope, channel).
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool = False,
        retry_after_seconds: float | None = None,
        ambiguous: bool = False,
        edit_lost: bool = False,
        configuration: bool = False,
    ) -> None:
        self.reason, self.permanent, self.ambiguous = reason, permanent, ambiguous
        self.retry_after_seconds, self.edit_lost = retry_after_seconds, edit_lost
        self.configuration = configuration
        super().__init__(reason)


@contextmanager
def guarded(what: str, report: Callable[[str, Exception], None]) -> Iterator[None]:
    """The one broad `except`: at a loop's edge, one bad turn must not end the loop.

    `report(what, error)` has to log and count it.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  the only place where that is right
        report(what, error)
