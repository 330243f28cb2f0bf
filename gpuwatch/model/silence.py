"""An operator's mute. It hides words, never states."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MATCHABLE = ("cluster", "node", "gpu", "uuid", "rule", "job", "severity", "category")
_MATCHER = re.compile(r"(\w+)\s*(=~|!~|!=|=)\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Matcher:
    """`name=value`, `!=`, `=~` or `!~`; a regular expression must match whole."""

    name: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, frozenset[str]]) -> bool:
        """Whether any of the label's values agrees (all must, for the negatives)."""
        values = labels.get(self.name) or frozenset({""})
        hit = any(self._hit(value) for value in values)
        return not hit if self.operator.startswith("!") else hit

    def _hit(self, value: str) -> bool:
        if self.operator.endswith("~"):
            return re.fullmatch(self.value, value) is not None
        return value == self.value

    def __str__(self) -> str:
        return f"{self.name}{self.operator}{self.value}"


def parse_matcher(text: str) -> Matcher:
    """From `node=~node-0[1-4]`; ValueError names the text and the remedy."""
    found = _MATCHER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no matcher; write it like node=node-17")
    name, operator, value = found.groups()
    value = value.strip().strip('"')
    if name not in MATCHABLE:
        raise ValueError(
            f"{name!r} cannot be matched; use one of {', '.join(MATCHABLE)}"
        )
    if operator.endswith("~"):
        _compile(value)
    return Matcher(name, operator, value)


def _compile(pattern: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


@dataclass(frozen=True, slots=True)
class Silence:
    """Mutes what matches all matchers, from `starts_at` to `ends_at` (Unix seconds)."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at: float
    ends_at: float
    author: str
    comment: str

    def active(self, now: float) -> bool:
        """Whether it mutes now."""
        return self.starts_at <= now < self.ends_at

    def matches(self, labels: Mapping[str, frozenset[str]]) -> bool:
        """Whether all matchers agree; one without matchers mutes nothing."""
        return bool(self.matchers) and all(m.matches(labels) for m in self.matchers)
