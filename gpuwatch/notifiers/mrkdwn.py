"""Strangers' text made harmless for Slack: cleaned, escaped, quieted and cut.

Job names, host names and labels are written by anybody. Escaping keeps `<!channel>`
from calling people; quieting keeps `*bold*` and `:emoji:` from changing our layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import takewhile

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})  # controls, bidi tricks, half letters
_TAIL_CHARS = 30  # room for "… (+1234567 characters)"
_LOOKALIKES = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})  # noqa: RUF001
_EDGE_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_EMOJI_COLON = re.compile(r":(?=[\w+'-]+:)")
_GROUP_WORDS = ("here", "channel", "everyone")


def clean(text: str) -> str:
    """One line of visible characters."""
    spaced = (" " if char.isspace() else char for char in text)
    kept = (char for char in spaced if unicodedata.category(char) not in _DROPPED)
    return " ".join("".join(kept).split())


def escaped(text: str) -> str:
    """Slack's three control characters as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def quiet(text: str) -> str:
    """No bold, italics, strike, code or emoji; look-alikes keep it readable.

    Underscores inside words format nothing and stay, so that names can be copied.
    """
    plain = clean(text).translate(_LOOKALIKES)
    plain = _EDGE_UNDERSCORE.sub("＿", plain)  # noqa: RUF001
    return _EMOJI_COLON.sub("꞉", plain)  # noqa: RUF001


def size(text: str) -> int:
    """Length in UTF-16 units, the larger of the two ways Slack may count."""
    return len(text) + sum(char > "\uffff" for char in text)


def clipped(text: str, limit: int) -> str:
    """Cleaned and escaped, at most `limit` long; a cut says how much is missing."""
    plain = clean(text)
    whole = escaped(plain)
    if size(whole) <= limit:
        return whole
    kept = _fitting(plain, limit - _TAIL_CHARS)
    return f"{escaped(kept)}… (+{len(plain) - len(kept)} characters)"


def _fitting(plain: str, room: int) -> str:
    used = 0
    for index, char in enumerate(plain):
        used += size(escaped(char))
        if used > room:
            return plain[:index]
    return plain


def listed(rows: Iterable[str], limit: int, row_limit: int) -> str:
    """Bulleted whole rows, at most `limit` long; says how many were left out."""
    lines = [f"• {row}" for row in (clipped(text, row_limit) for text in rows) if row]
    if sum(size(line) + 1 for line in lines) <= limit:
        return "\n".join(lines)
    room = limit - _TAIL_CHARS
    totals = _running(size(line) + 1 for line in lines)
    kept = sum(1 for _ in takewhile(lambda total: total <= room, totals))
    return "\n".join([*lines[:kept], f"… and {len(lines) - kept} more"])


def _running(sizes: Iterable[int]) -> Iterable[int]:
    total = 0
    for each in sizes:
        total += each
        yield total


def mention_markup(words: str) -> str:
    """Slack's own spelling of who is called: `@here` becomes `<!here>`.

    Anything in angle brackets is taken as it is; other words are text.
    """
    word = words.strip().lstrip("@")
    return f"<!{word}>" if word in _GROUP_WORDS else words.strip()
