"""What the doctor found: a state, in words, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """OK; WARN and FAIL are to be mended; SKIP could not or need not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        name: what was looked at, in a few words.
        what: what was seen, in one sentence.
        mend: what to do about it; a hint where all is well.
        cluster: whose, or nothing.
        rows: details, as cells of a small table.
        lines: what to add to the exporter's CSV, word for word.
    """

    name: str
    state: State
    what: str
    mend: str = ""
    cluster: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def wrong(self) -> bool:
        """Whether somebody has something to mend."""
        return self.state in (State.WARN, State.FAIL)


def ok(name: str, what: str, hint: str = "") -> Finding:
    """All is well."""
    return Finding(name, State.OK, what, hint)


def warn(name: str, what: str, mend: str) -> Finding:
    """It works, but not as well as it could."""
    return Finding(name, State.WARN, what, mend)


def fail(name: str, what: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(name, State.FAIL, what, mend)


def skip(name: str, why: str, hint: str = "") -> Finding:
    """Nobody looked."""
    return Finding(name, State.SKIP, why, hint)


def some(names: Sequence[str], most: int = 5) -> str:
    """The first names of many: `node-01, node-02 and 46 more`."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def counted(number: int, noun: str) -> str:
    """`1 node`, `48 nodes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
