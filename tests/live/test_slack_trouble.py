"""Slack in every kind of trouble: everything is told, and nothing twice."""

from collections import Counter

import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.testing import Error, HttpStatus, RateLimited, Reset, TimeoutAfterAccept
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

POST, EDIT = "chat.postMessage", "chat.update"
NODES = ("node-03", "node-05")


def test_every_kind_of_refusal(site: Site) -> None:
    """Two cards, their edits and their replies, each through trouble of its own."""
    site.slack.fail_next(POST, HttpStatus(503), TimeoutAfterAccept(1))
    site.slack.fail_next(POST, RateLimited(1), Error("internal_error"))
    site.start()
    faults = [site.sim.inject(Fault("power_brake", node)) for node in NODES]
    cards = [site.channel.await_card("HW power brake", node) for node in NODES]
    site.slack.fail_next(EDIT, TimeoutAfterAccept(1), RateLimited(1))
    site.slack.fail_next(POST, Reset(after_accept=True))
    for fault in faults:
        site.sim.mend(fault)
    for card in cards:
        site.channel.await_resolved(card)
        site.channel.await_reply(card)
    eventually("the rest", lambda: not site.daemon.metric("gpuwatch_outbox_messages"))
    replies = Counter(m.thread_ts for m in site.slack.messages if m.is_reply)
    assert replies == {cards[0].ts: 1, cards[1].ts: 1}
    assert sorted(c.ts for c in site.channel.cards) == sorted(c.ts for c in cards)


def test_what_came_and_went_while_slack_was_away_is_told(site: Site) -> None:
    site.slack.stop()
    site.start()
    brief = site.sim.inject(Fault("power_brake", "node-05"))
    eventually("its incident", lambda: site.daemon.incidents("open"))
    site.sim.mend(brief)
    eventually("its end", lambda: not site.daemon.incidents("open"))
    site.sim.inject(Fault("power_brake", "node-03"))
    eventually("another", lambda: site.daemon.incidents("open"))
    assert site.slack.messages == []
    site.slack.start()
    site.channel.await_card("Resolved: HW power brake", "node-05")
    site.channel.await_card("CRITICAL: HW power brake", "node-03")
    assert len(site.channel.cards) == 2
