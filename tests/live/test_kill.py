"""kill -9 at any instant: nothing is lost, and nothing is told twice."""

import random
import signal
import time
from collections import Counter

import pytest

from gpuwatch.sim.faults import Fault
from gpuwatch.testing import FakeMessage
from tests.live.site import Site
from tests.live.waiting import eventually

pytestmark = [pytest.mark.live, pytest.mark.timeout(400)]

KILLS, DEATHS = 20, 3
PLACES = ("node-03 GPU 5", "node-05", "node-01 GPU 2", "node-02")
# which fault begins and which one is over before which kill
BEGINS = {
    0: Fault("thermal", "node-03", 5),
    3: Fault("power_brake", "node-05"),
    6: Fault("thermal", "node-01", 2),
    12: Fault("power_brake", "node-02"),
}
OVER = {9: 0, 13: 3, 16: 6, 19: 12}


def kill_at(site: Site, chance: random.Random, *, early: bool) -> None:
    """Early: while it starts or makes its first cycles; else some time after."""
    if not early:
        site.daemon.await_ready()
    time.sleep(chance.uniform(0, 2.5))
    assert site.daemon.child is not None
    assert site.daemon.child.is_running
    site.daemon.kill()
    site.daemon.start()


def assert_each_was_told_once(site: Site) -> None:
    cards = [site.channel.await_card(place) for place in PLACES]
    for card in cards:
        site.channel.await_resolved(card)
    site.daemon.await_cycles(3)
    eventually("the rest", lambda: not site.daemon.metric("gpuwatch_outbox_messages"))
    assert Counter(card_of(m) for m in site.channel.cards).most_common(1)[0][1] == 1
    assert len(site.channel.cards) == len(PLACES)
    replies = [m.text for m in site.slack.messages if m.is_reply]
    assert len(replies) == len(set(replies))
    assert {i["ending"] for i in site.daemon.incidents()} == {"recovered"}


def card_of(message: FakeMessage) -> str:
    assert message.metadata is not None
    card: str = message.metadata["event_payload"]["card_id"]
    return card


def test_twenty_kills_while_faults_come_and_go(site: Site) -> None:
    chance, at_work = random.Random(20), {}
    site.start()
    for number in range(KILLS):
        if number in BEGINS:
            at_work[number] = site.sim.inject(BEGINS[number])
        if number in OVER:
            site.sim.mend(at_work.pop(OVER[number]))
        kill_at(site, chance, early=number % 2 == 0)
    assert_each_was_told_once(site)


def revived(site: Site) -> bool:
    """Starts it again whenever it has died."""
    assert site.daemon.child is not None
    if not site.daemon.child.is_running:
        site.daemon.kill()
        site.daemon.start()
    return True


def test_killed_whenever_slack_has_just_accepted(site: Site) -> None:
    """The worst instant: the message is out, its receipt is not written."""
    deaths: list[str] = []

    def die(message: FakeMessage) -> None:
        child = site.daemon.child
        if child is not None and child.is_running and len(deaths) < DEATHS:
            deaths.append(message.text)
            child.send(signal.SIGKILL)

    site.start()
    site.slack.workspace.on_store = die
    fault = site.sim.inject(Fault("power_brake", "node-03"))
    eventually("a death at its card", lambda: revived(site) and deaths)
    card = site.channel.await_card("HW power brake", "node-03")
    site.sim.mend(fault)
    eventually("deaths at edits", lambda: revived(site) and len(deaths) == DEATHS)
    eventually("life", lambda: revived(site) and site.daemon.is_ready())
    site.channel.await_resolved(card)
    site.channel.await_reply(card)
    site.daemon.await_cycles(3)
    assert site.channel.cards == [card]
    assert len(site.slack.thread(card.ts)) == 1
