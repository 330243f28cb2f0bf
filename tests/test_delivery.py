"""What is committed is said: in order, once, at Slack's pace."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gpuwatch.delivery import Delivery
from gpuwatch.delivery.clock import backoff_seconds
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.model.severity import Severity
from gpuwatch.notifiers.slack_webhook import SlackWebhookNotifier
from gpuwatch.testing import Error, FakeSlack, HttpStatus, RateLimited
from tests.notifiers.messages import card, note
from tests.notifiers.scene import Scene

POST, EDIT = "chat.postMessage", "chat.update"
FIRST, UPDATE, WORSE = Reason.FIRST, Reason.UPDATE, Reason.WORSE


@pytest.fixture
def scene(tmp_path: Path, fake_slack: FakeSlack) -> Iterator[Scene]:
    scene = Scene(tmp_path, fake_slack)
    yield scene
    scene.store.close()


def test_a_story_is_one_message_with_its_notes_beneath(scene: Scene) -> None:
    scene.commit(card("m1", FIRST, headline="braked"))
    assert scene.run() == 1
    scene.commit(card("m2", WORSE, headline="hotter"), note("n2", text="Worse: hotter"))
    scene.commit(note("n3", text="Wider"))
    assert scene.drain() == 3
    (parent,) = scene.slack.top_level()
    assert parent.text == "🔴 hotter"
    replies = scene.slack.thread(parent.ts)
    assert [reply.text for reply in replies] == ["🔴 Worse: hotter", "🔴 Wider"]
    assert scene.receipt() == Receipt(parent.channel, parent.ts)
    assert scene.run(60) == 0
    assert scene.delivery.stats().sent == {"slack": 4}


def test_retry_after_holds_the_whole_receiver(scene: Scene) -> None:
    scene.slack.fail_next(POST, RateLimited(7))
    scene.commit(card("m1"), card("k1", card_id="i2"))
    assert scene.run() == 1
    assert [scene.run(step) for step in (1, 5, 0.9)] == [0, 0, 0]
    assert scene.calls(POST) == 1
    scene.run(0.1)
    scene.run(1)
    assert scene.said() == ["🔴 headline of m1", "🔴 headline of k1"]
    stats = scene.delivery.stats()
    assert (stats.failed, stats.retried) == ({"slack": 1}, {"slack": 1})


def test_notes_keep_their_order_whatever_fails_between(scene: Scene) -> None:
    faults = (HttpStatus(503), None, RateLimited(3), None, HttpStatus(500))
    scene.slack.fail_next(POST, *faults)
    notes = [note(f"n{number}") for number in range(4)]
    scene.commit(card("m1"), *notes)
    scene.drain()
    assert scene.said() == [
        "🔴 headline of m1",
        "🔴 text of n0",
        "🔴 text of n1",
        "🔴 text of n2",
        "🔴 text of n3",
    ]


def test_edits_that_waited_go_out_as_one(scene: Scene) -> None:
    scene.slack.fail_next(POST, RateLimited(30))
    scene.commit(card("m1", FIRST, mention=True))
    scene.run()
    for number in range(2, 9):
        scene.commit(card(f"m{number}", UPDATE))
    scene.drain()
    assert scene.said() == ["🔴 headline of m8 <!here>"]
    assert (scene.calls(POST), scene.calls(EDIT)) == (2, 0)


def test_a_burst_of_200_goes_at_one_a_second(scene: Scene) -> None:
    scene.commit(*(card(f"m{n}", card_id=f"i{n}") for n in range(200)))
    done = [scene.run(1) for _ in range(200)]
    assert done == [1] * 200
    assert scene.store.backlog(scene.clock())[0] == 0
    assert len(set(scene.said())) == 200


def test_the_worst_goes_first_and_refreshed_numbers_last(scene: Scene) -> None:
    scene.commit(card("old", FIRST, card_id="i0"))
    scene.run()
    scene.commit(
        card("fresh", UPDATE, card_id="i0"),
        card("mild", FIRST, card_id="i1", severity=Severity.WARNING),
        card("grave", FIRST, card_id="i2"),
    )
    scene.clock.now += 1
    scene.drain()
    assert scene.said() == [
        "🔴 headline of fresh",
        "🔴 headline of grave",
        "🔴 headline of mild",
    ]
    assert [len(scene.slack.calls_of(m)) for m in (POST, EDIT)] == [3, 1]
    assert scene.slack.calls[-1].method == EDIT


def test_an_edit_that_is_lost_is_posted_anew_and_edited_there(scene: Scene) -> None:
    scene.commit(card("m1"))
    scene.run()
    scene.slack.workspace.messages.clear()
    scene.commit(card("m2", UPDATE))
    scene.run(1)
    (anew,) = scene.slack.messages
    assert scene.receipt() == Receipt(anew.channel, anew.ts)
    scene.commit(card("m3", UPDATE), note("n3"))
    scene.clock.now += 1
    scene.drain()
    assert [m.text for m in scene.slack.top_level()] == ["🔴 headline of m3"]
    assert len(scene.slack.thread(anew.ts)) == 1


def test_a_note_whose_thread_is_lost_is_said_in_the_channel(scene: Scene) -> None:
    scene.commit(card("m1"))
    scene.run()
    scene.slack.workspace.messages.clear()
    scene.commit(note("n1", text="Worse"))
    scene.run(1)
    assert [m.text for m in scene.slack.top_level()] == ["🔴 Worse"]


def test_a_webhook_posts_what_people_must_hear(
    tmp_path: Path, fake_slack: FakeSlack
) -> None:
    webhook = SlackWebhookNotifier(fake_slack.webhook_url, timeout_seconds=0.3)
    scene = Scene(tmp_path, fake_slack, {"slack_webhook": webhook})
    steps = (FIRST, UPDATE, Reason.REMINDER, WORSE, Reason.RESOLVED, Reason.REOPENED)
    for reason in steps:
        scene.commit(replace(card(reason.value, reason), text=reason.value))
        scene.commit(note(f"n-{reason.value}", reason))
        scene.run(2)
    assert scene.said() == [
        "🔴 headline of first",
        "🔴 Worse: headline of worse",
        "🔴 headline of resolved",
        "🔴 Back again: headline of reopened",
    ]
    assert scene.drain() == 1
    scene.store.close()


def test_a_receiver_without_settings_holds_up_nobody(scene: Scene) -> None:
    cards = [card(f"m{n}", card_id=f"i{n}") for n in range(150)]
    scene.commit(*cards, receivers=["pager"])
    scene.commit(card("k", card_id="other"), receivers=["slack"])
    assert scene.run() == 1
    assert scene.said() == ["🔴 headline of k"]
    gone = {"pager": "not in the settings; its messages wait"}
    assert dict(scene.delivery.failing) == gone
    assert scene.store.backlog(scene.clock())[0] == 150
    scene.run(86_401)
    scene.run(1)
    assert scene.store.backlog(scene.clock())[0] == 0
    assert dict(scene.delivery.failing) == {}


def test_what_slack_never_takes_is_given_up_loudly(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.slack.fail_next(POST, *[Error("msg_too_long")] * 3)
    scene.commit(card("m1"), card("k1", card_id="i2"))
    scene.run()
    reason = {"slack": "Slack answered msg_too_long"}
    assert dict(scene.delivery.failing) == reason
    assert "message m1 to slack is given up" in caplog.text
    scene.run(1)
    assert scene.said() == ["🔴 headline of k1"]
    assert dict(scene.delivery.failing) == {}
    assert scene.delivery.stats().given_up == {"slack": 1}


def test_the_thread_delivers_and_stops(scene: Scene) -> None:
    delivery = Delivery(scene.store, scene.notifiers)
    delivery.start()
    scene.commit(card("m1"))
    delivery.wake()
    scene.slack.wait_for(lambda slack: slack.messages)
    assert delivery.stop(5) is True
    scene.commit(card("m2", card_id="i2"))
    assert delivery.run_once() == 0
    assert scene.said() == ["🔴 headline of m1"]


@pytest.mark.parametrize(
    ("failures", "low", "high"),
    [(1, 1.6, 2.0), (2, 3.2, 4.0), (5, 25.6, 32.0), (9, 240, 300), (10_000, 240, 300)],
)
def test_backoff_doubles_up_to_five_minutes(
    failures: int, low: float, high: float
) -> None:
    waits = [backoff_seconds(failures) for _ in range(50)]
    assert low <= min(waits) <= max(waits) <= high
    assert len(set(waits)) > 1
