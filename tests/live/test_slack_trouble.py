"""Slack in every kind of trouble: everything is told, and nothing twice."""

from collections import Counter

import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.testing import Error, HttpStatus, RateLimited, Reset, TimeoutAfterAccept
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

POST, EDIT = "chat.postMessage", "chat.update"


def test_every_kind_of_refusal(site: Site) -> None:
    """Two cards, their edits and their replies, each through trouble of its own."""
    site.slack.fail_next(POST, RateLimited(2), HttpStatus(503), Error("internal_error"))
    site.slack.fail_next(POST, TimeoutAfterAccept(1), Reset(after_accept=True))
    site.slack.fail_next(EDIT, HttpStatus(503), RateLimited(1), TimeoutAfterAccept(1))
    site.start()
    hot = site.sim.inject(Fault("thermal", "node-03", 5))
    braked = site.sim.inject(Fault("power_brake", "node-05"))
    cards = [
        site.channel.await_card("HW thermal", "node-03 GPU 5"),
        site.channel.await_card("HW power brake", "node-05"),
    ]
    site.slack.fail_next(POST, TimeoutAfterAccept(1), HttpStatus(503), RateLimited(1))
    for fault in (hot, braked):
        site.sim.mend(fault)
    for card in cards:
        site.channel.await_resolved(card)
        eventually("its reply", lambda ts=card.ts: site.slack.thread(ts))
    site.daemon.await_cycles(5)
    replies = Counter(m.thread_ts for m in site.slack.messages if m.is_reply)
    assert replies == {cards[0].ts: 1, cards[1].ts: 1}
    assert sorted(c.ts for c in site.channel.cards) == sorted(c.ts for c in cards)
    assert site.daemon.metric("gpuwatch_outbox_messages") == 0


def test_slack_is_away_and_the_settings_are_wrong_until_they_are_not(
    site: Site,
) -> None:
    """Nothing listens; then news that came and went meanwhile is told as it ended."""
    site.slack.stop()
    site.start()
    brief = site.sim.inject(Fault("power_brake", "node-05"))
    eventually("its incident", lambda: site.daemon.incidents("open"))
    site.sim.mend(brief)
    eventually("its end", lambda: not site.daemon.incidents("open"))
    site.sim.inject(Fault("thermal", "node-03", 5))
    eventually("another", lambda: site.daemon.incidents("open"))
    assert site.slack.messages == []
    site.slack.start()
    site.channel.await_card("Resolved: HW power brake", "node-05")
    site.channel.await_card("CRITICAL: HW thermal", "node-03 GPU 5")
    assert len(site.channel.cards) == 2
