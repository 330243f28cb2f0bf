"""A card in Block Kit: what a person reads, and what a stranger cannot do to it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpuwatch.model.message import Card, Link, Reason, Tone
from gpuwatch.notifiers.blocks import blocks, fallback, spoken, text_size
from gpuwatch.testing.slack.limits import check_content
from tests.notifiers.messages import AT, CRITICAL, card, note


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def markup(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: dict[str, Any]) -> dict[str, Any]:
    return {"type": "section", "text": text}


def test_a_typical_critical_card() -> None:
    headline = "🔴 *CRITICAL: Braked by heat, 91 °C · node-17 GPU 3 · 12 min* <!here>"
    url = "https://grafana.example/d/gpu?var-node=node-17&amp;from=1"
    facts = [
        plain("GPU temperature: 91 °C (peers 62 °C)"),
        plain("SM clock: 1 200 MHz (peers 1 980 MHz)"),
        plain("Throttle reasons: HW thermal slowdown"),
        plain("Job: 4711, 383 GPUs wait"),
    ]
    date = "<!date^1800000000^{date_short_pretty} {time}|2027-01-15 08:00 UTC>"
    footer = [
        plain("gw-1a2b · h100 · rule thermal_slowdown"),
        markup(f"updated {date}"),
    ]
    assert blocks(CRITICAL, at=AT, mention="<!here>") == [
        section(markup(headline)),
        section(plain("Slows job 4711: 383 GPUs wait for it.")),
        {"type": "section", "fields": facts},
        section(plain("• Also seen: straggler clock")),
        section(
            plain(
                "👉 Do: Drain node-17, then check its fans and coolant:"
                " scontrol update ..."
            )
        ),
        section(markup(f"<{url}|Grafana>")),
        {"type": "context", "elements": footer},
    ]


def test_a_resolved_card_is_calm() -> None:
    calm = replace(CRITICAL, tone=Tone.RESOLVED, headline="Resolved: x", action="")
    face = blocks(calm)
    assert face[0] == section(markup("🟢 Resolved: x"))
    assert [block["type"] for block in face] == [
        "section", "section", "context", "section", "section", "context",
    ]  # fmt: skip


def test_only_a_recovery_is_green() -> None:
    faces = {tone: fallback(Card(tone, "x"))[0] for tone in Tone}
    assert [tone for tone, face in faces.items() if face == "🟢"] == [Tone.RESOLVED]
    assert len(set(faces.values())) == len(Tone)


def test_many_rows_fill_the_room_and_the_rest_is_counted() -> None:
    rows = tuple(
        f"CRITICAL: node-{number:03} is braked by heat" for number in range(900)
    )
    face = blocks(replace(CRITICAL, items=rows))
    check_content("x", face, [], 9_500)
    assert text_size(face) > 9_000
    listing = "\n".join(b["text"]["text"] for b in face[4:-3])
    shown = listing.count("• CRITICAL: node-")
    assert shown > 150
    assert listing.endswith(f"… and {900 - shown} more")


def test_too_many_facts_and_links_are_counted() -> None:
    facts = tuple((f"name {n}", "v") for n in range(25))
    links = tuple(Link(f"l{n}", f"https://x.example/{'y' * 300}") for n in range(6))
    face = blocks(Card(Tone.INFO, "x", facts=facts, links=links))
    assert [len(b["fields"]) for b in face[1:3]] == [10, 10]
    assert face[2]["fields"][-1]["text"] == "… and 6 more"
    assert face[3]["text"]["text"].endswith(" · 3 more left out")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "file:///etc/passwd", "https://", "http://[x", ""]
)
def test_a_link_that_is_no_web_address_is_not_one(url: str) -> None:
    face = blocks(Card(Tone.INFO, "x", links=(Link("l", url),)))
    assert face[1]["text"]["text"] == "1 more left out"


def test_a_link_cannot_break_out() -> None:
    face = blocks(Card(Tone.INFO, "x", links=(Link("a|b>", "https://h/a|<!here> b"),)))
    assert face[1]["text"]["text"] == ("<https://h/a%7C%3C!here%3E%20b|a|b&gt;>")


def test_the_line_for_the_lock_screen() -> None:
    assert spoken(card(headline="Braked <b>")) == "🔴 Braked &lt;b&gt;"
    assert spoken(note(text="Worse: x")) == "🔴 Worse: x"
    assert spoken(note(reason=Reason.RESOLVED, text="Resolved: x")) == "Resolved: x"
    assert len(fallback("y" * 50_000)) < 4_000


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<!channel>",
            "<!here|x>",
            "<@U123>",
            "&lt;!channel&gt;",
            "*bold* _sly_ ~s~ `code`",
            "```\nblock\n```",
            "\u202egnp.exe\u200b",
            ":rotating_light:",
            "\n> quote",
            "",
            " ",
            "x" * 10_000,
            "<" * 10_000,
            "🔥" * 5_000,
            "*" * 5_000,
        ]
    ),
)
CARDS = st.builds(
    Card,
    tone=st.sampled_from(Tone),
    headline=HOSTILE,
    summary=HOSTILE,
    facts=st.lists(st.tuples(HOSTILE, HOSTILE), max_size=30).map(tuple),
    lines=st.lists(HOSTILE, max_size=30).map(tuple),
    items=st.lists(HOSTILE, max_size=80).map(tuple),
    action=HOSTILE,
    links=st.lists(
        st.builds(Link, HOSTILE, HOSTILE.map("https://h.example/{}".format)), max_size=8
    ).map(tuple),
    footer=HOSTILE,
)
OURS = re.compile(r"<https?://[^<>|\s]*\|[^<>]*>|<!date\^\d+\^[^<>|]*\|[^<>]*>")
ENTITY = re.compile(r"&(?:amp|lt|gt);")


def texts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node
        for value in node.values():
            yield from texts(value)


@settings(max_examples=150, deadline=None)
@given(CARDS)
def test_no_stranger_breaks_limits_or_leaks_markup(hostile: Card) -> None:
    face = blocks(hostile, at=AT)
    check_content(fallback(hostile), face, [], 9_500)
    json.dumps(face, ensure_ascii=False).encode()
    for node in texts(face):
        if node["type"] == "plain_text":
            assert node["emoji"] is False
            assert_harmless(node["text"])
        else:
            assert node["verbatim"] is True
            assert_unformatted(OURS.sub("", node["text"]))
    assert_unformatted(fallback(hostile))
    assert len(fallback(hostile)) < 4_000


def assert_harmless(text: str) -> None:
    assert "&" not in ENTITY.sub("", text)
    assert not set("<>\x00\x1b\u202e\u200b") & set(text)


def assert_unformatted(text: str) -> None:
    own_bold = re.fullmatch(r"\S+ \*([^*]+)\*", text)
    words = own_bold[1] if own_bold else text
    assert_harmless(words)
    assert not set("*~`\n") & set(words)
    assert not re.search(r"(?<![^\W_])_|:[\w+'-]+:", words)
