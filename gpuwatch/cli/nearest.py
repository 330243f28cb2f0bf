"""Did you mean ...?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_ALIKE = 0.5


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant: one that holds the word, or is alike."""
    by_lower = {name.lower(): name for name in known}
    wanted = word.lower()
    holding = sorted((name for name in by_lower if wanted and wanted in name), key=len)
    alike = difflib.get_close_matches(wanted, by_lower, n=1, cutoff=_ALIKE)
    found = [*holding[:1], *alike]
    return by_lower[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy: the nearest name as a question, or else where all names are found."""
    near = nearest(word, known)
    return f"did you mean {near}?" if near else otherwise
