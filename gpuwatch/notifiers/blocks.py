"""A card as Slack's Block Kit, within Slack's limits by construction.

Laid out for a phone at night: what and where in bold, the figures, what to do.
Only the headline, links and the date are markup; strangers' text stands in
`plain_text`, which Slack does not interpret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from gpuwatch.model.message import Card, Link, Message, Reason, Tone
from gpuwatch.model.severity import Severity
from gpuwatch.notifiers.mrkdwn import clipped, escaped, listed, quiet, size

Block = dict[str, Any]

# Slack: 3,000 a section, 10 fields a section, 50 blocks, and an undocumented total
# (bolt-js #2867: 9,597 characters accepted, 11,341 refused with msg_blocks_too_long).
TOTAL_CHARS = 9_300
SECTION_CHARS = 2_900
HEADLINE_CHARS = 400
SUMMARY_CHARS = 500
FIELDS_PER_SECTION = 10
FACTS = 20
FACT_NAME_CHARS = 50
FACT_VALUE_CHARS = 150
LINES_CHARS = 1_300
ROW_CHARS = 320
ACTION_CHARS = 1_000
LINKS_CHARS = 1_200
FOOTER_CHARS = 300
FALLBACK_CHARS = 3_500

_EMOJI = {
    Tone.CRITICAL: "🔴",
    Tone.WARNING: "🟠",
    Tone.INFO: "🔵",
    Tone.ACKED: "👀",
    Tone.UNKNOWN: "⚪",
    Tone.RESOLVED: "🟢",
    Tone.ENDED: "⚫",
}
_SEVERITY_TONE = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.WARNING: Tone.WARNING,
    Severity.INFO: Tone.INFO,
}
_CALM = frozenset({Tone.RESOLVED, Tone.ENDED})
_WORDLESS = "(no words)"


def blocks(card: Card, *, at: float | None = None, mention: str = "") -> list[Block]:
    """The card's blocks: at most 15, together under 9,500 characters.

    `at`: Unix seconds shown in the reader's own zone. `mention`: Slack's markup for
    who is called, put behind the headline.
    """
    top = [
        _headline(card, mention),
        *_plain(card.summary, SUMMARY_CHARS),
        *_facts(card),
        *_listing(card.lines, LINES_CHARS),
    ]
    end = [*_action(card), *_links(card.links), *_footer(card.footer, at)]
    room = TOTAL_CHARS - text_size([*top, *end])
    return [*top, *_listing(card.items, room), *end]


def emoji(tone: Tone) -> str:
    """The tone's face. Green is for a real recovery only."""
    return _EMOJI[tone]


def fallback(words: Card | str) -> str:
    """The lock screen's line, under 4,000 characters; escaped, without markup."""
    if isinstance(words, str):
        return clipped(quiet(words), FALLBACK_CHARS) or _WORDLESS
    line = f"{words.headline} {words.summary}"
    return f"{emoji(words.tone)} {clipped(quiet(line), FALLBACK_CHARS) or _WORDLESS}"


def spoken(message: Message) -> str:
    """A message's line: its card's, or its own text with its severity's face.

    An ended note without its card gets no face: only the card knows if it was a
    recovery.
    """
    if message.card is not None:
        return fallback(message.card)
    if message.reason in (Reason.RESOLVED, Reason.UPDATE):
        return fallback(message.text)
    return f"{emoji(_SEVERITY_TONE[message.severity])} {fallback(message.text)}"


def text_size(node: Any) -> int:
    """Characters of every `text` string, as Slack's total counts them."""
    if isinstance(node, list):
        return sum(text_size(item) for item in node)
    if not isinstance(node, dict):
        return 0
    own = node.get("text")
    inner = sum(text_size(value) for value in node.values())
    return inner + (size(own) if isinstance(own, str) else 0)


def _headline(card: Card, mention: str) -> Block:
    words = clipped(quiet(card.headline), HEADLINE_CHARS) or _WORDLESS
    loud = words if card.tone in _CALM else f"*{words}*"
    called = f" {mention}" if mention else ""
    return _section(_markup(f"{emoji(card.tone)} {loud}{called}"))


def _facts(card: Card) -> list[Block]:
    facts = [_fact(name, value) for name, value in card.facts[:FACTS]]
    left_out = len(card.facts) - len(facts)
    if left_out:
        facts[-1] = f"… and {left_out + 1} more"
    starts = range(0, len(facts), FIELDS_PER_SECTION)
    parts = [[_text(f) for f in facts[at : at + FIELDS_PER_SECTION]] for at in starts]
    if card.tone in _CALM:
        return [{"type": "context", "elements": part} for part in parts]
    return [{"type": "section", "fields": part} for part in parts]


def _fact(name: str, value: str) -> str:
    shown = clipped(value, FACT_VALUE_CHARS) or "-"
    return f"{clipped(name, FACT_NAME_CHARS)}: {shown}"


def _listing(rows: Sequence[str], limit: int) -> list[Block]:
    text = listed(rows, limit, ROW_CHARS)
    return [_section(_text(part)) for part in _parts(text)] if text else []


def _parts(text: str) -> Iterator[str]:
    """Whole lines together, as many as a section takes."""
    part: list[str] = []
    for line in text.split("\n"):
        if size("\n".join([*part, line])) > SECTION_CHARS:
            yield "\n".join(part)
            part = []
        part.append(line)
    yield "\n".join(part)


def _action(card: Card) -> list[Block]:
    words = clipped(card.action, ACTION_CHARS)
    return [_section(_text(f"👉 Do: {words}"))] if words else []


def _links(links: Sequence[Link]) -> list[Block]:
    shown = [_link(link) for link in links if _is_web(link.url)]
    kept: list[str] = []
    for link in shown:
        if size(" · ".join([*kept, link])) <= LINKS_CHARS:
            kept.append(link)
    left_out = len(links) - len(kept)
    if left_out:
        kept.append(f"{left_out} more left out")
    return [_section(_markup(" · ".join(kept)))] if kept else []


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def _link(link: Link) -> str:
    url = escaped(quote(link.url, safe="!#$%&'()*+,/:;=?@[]~"))
    return f"<{url}|{clipped(quiet(link.text), 60) or 'link'}>"


def _footer(words: str, at: float | None) -> list[Block]:
    footer = clipped(words, FOOTER_CHARS)
    elements = [_text(footer)] if footer else []
    if at is not None:
        elements.append(_markup(f"updated {_moment(at)}"))
    return [{"type": "context", "elements": elements}] if elements else []


def _moment(at: float) -> str:
    utc = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{utc}>"


def _plain(words: str, limit: int) -> list[Block]:
    text = clipped(words, limit)
    return [_section(_text(text))] if text else []


def _section(text: Block) -> Block:
    return {"type": "section", "text": text}


def _text(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _markup(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
