"""SlackNotifier against a workspace on a loopback port."""

import pytest

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.notifiers.slack import SlackNotifier
from gpuwatch.testing import (
    Error,
    FakeSlack,
    Fault,
    Html,
    HttpStatus,
    RateLimited,
    Reset,
    TimeoutAfterAccept,
    Truncated,
)
from tests.notifiers.messages import card, note

POST, EDIT = "chat.postMessage", "chat.update"


def slack_of(fake: FakeSlack, channel: str = "#gpu-alerts") -> SlackNotifier:
    return SlackNotifier(fake.token, channel, fake.url, timeout_seconds=0.5)


def refusal(slack: SlackNotifier, previous: Receipt | None = None) -> NotifyError:
    with pytest.raises(NotifyError) as caught:
        slack.send(card(), previous)
    return caught.value


def test_a_card_is_posted_edited_and_answered(fake_slack: FakeSlack) -> None:
    slack = slack_of(fake_slack)
    receipt = slack.send(card(headline="braked", mention=True), None)
    assert receipt.channel == fake_slack.channel_id
    assert slack.send(card("m2", Reason.UPDATE, headline="hotter"), receipt) == receipt
    slack.send(note(text="Worse: x", broadcast=True), receipt)
    slack.send(note("n2", text="Still"), receipt)
    parent, shown = fake_slack.top_level()
    assert parent.text == "🔴 hotter"
    assert parent.edits[0].text == "🔴 braked <!here>"
    assert parent.edits[0].blocks[0]["text"]["text"] == "🔴 *braked* <!here>"
    assert parent.metadata == {
        "event_type": "gpuwatch",
        "event_payload": {"message_id": "m1", "card_id": "i1"},
    }
    replies = fake_slack.thread(receipt.ts)
    assert [m.text for m in replies] == ["🔴 Worse: x", "🔴 Still"]
    assert shown == replies[0]


def test_an_edit_leaves_nothing_of_the_old(fake_slack: FakeSlack) -> None:
    slack = slack_of(fake_slack)
    receipt = slack.send(card(), None)
    fake_slack.messages[0].attachments.append({"text": "old"})
    slack.send(card("m2"), receipt)
    (message,) = fake_slack.messages
    assert message.attachments == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(7), {"retry_after_seconds": 7.0}),
        (Error("ratelimited"), {"retry_after_seconds": 30.0}),
        (HttpStatus(503), {"ambiguous": True}),
        (Html(502), {"ambiguous": True}),
        (Html(200), {"ambiguous": True}),
        (Html(403), {"configuration": True}),
        (Error("internal_error"), {"ambiguous": True}),
        (Error("fatal_error"), {"ambiguous": True}),
        (Error("token_revoked"), {"configuration": True}),
        (Error("channel_not_found"), {"configuration": True}),
        (Error("something_new"), {}),
        (Reset(), {"ambiguous": True}),
        (Reset(after_accept=True), {"ambiguous": True}),
        (TimeoutAfterAccept(), {"ambiguous": True}),
        (Truncated(), {"ambiguous": True}),
        (Truncated(honest_length=True), {"ambiguous": True}),
    ],
)
def test_what_an_answer_means(
    fake_slack: FakeSlack, fault: Fault, expected: dict[str, object]
) -> None:
    fake_slack.fail_next(POST, fault)
    assert traits(refusal(slack_of(fake_slack))) == expected


def traits(error: NotifyError) -> dict[str, object]:
    return {k: v for k, v in vars(error).items() if v and k != "reason"}


def test_a_refused_connection_is_certain(fake_slack: FakeSlack) -> None:
    fake_slack.stop()
    error = refusal(slack_of(fake_slack))
    assert traits(error) == {}
    assert error.reason == "Slack cannot be reached (ConnectionRefusedError)"


def test_an_error_names_the_scope_and_never_the_token() -> None:
    with FakeSlack(scopes=()) as fake:
        error = refusal(slack_of(fake))
    assert error.reason == "Slack answered missing_scope (needs chat:write)"
    assert fake.token not in repr(error)


@pytest.mark.parametrize(
    "code", ["message_not_found", "cant_update_message", "edit_window_closed"]
)
def test_an_edit_that_is_lost(fake_slack: FakeSlack, code: str) -> None:
    slack = slack_of(fake_slack)
    receipt = slack.send(card(), None)
    fake_slack.fail_next(EDIT, Error(code))
    assert traits(refusal(slack, receipt)) == {"edit_lost": True}


def test_a_card_in_a_channel_that_is_gone_is_lost(fake_slack: FakeSlack) -> None:
    error = refusal(slack_of(fake_slack), Receipt("C0OTHER", "1.0"))
    assert traits(error) == {"edit_lost": True}


def test_invalid_blocks_go_out_as_text(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, Error("invalid_blocks"))
    slack_of(fake_slack).send(card(headline="braked"), None)
    (message,) = fake_slack.messages
    assert (message.text, message.blocks) == ("🔴 braked", [])
    assert len(fake_slack.calls_of(POST)) == 2


def test_too_much_is_trimmed_before_it_becomes_text(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, Error("msg_blocks_too_long"))
    slack_of(fake_slack).send(card(headline="braked"), None)
    (message,) = fake_slack.messages
    assert "Drain the node" in fake_slack.text_of(message)
    assert "Details were left out: Slack refused them." in fake_slack.text_of(message)


def test_what_slack_never_takes_is_permanent(fake_slack: FakeSlack) -> None:
    fake_slack.always(POST, Error("msg_too_long"))
    assert traits(refusal(slack_of(fake_slack))) == {"permanent": True}
    assert len(fake_slack.calls_of(POST)) == 3


@pytest.mark.parametrize("channel", ["#gpu-alerts", "gpu-alerts", "C000000001"])
def test_a_message_is_found_by_its_id(fake_slack: FakeSlack, channel: str) -> None:
    receipt = slack_of(fake_slack).send(card("m1"), None)
    for number in range(250):
        fake_slack.workspace.post(fake_slack.channel_id, {"text": f"chat {number}"})
    again = slack_of(fake_slack, channel)
    assert again.find("m1", None) == receipt
    assert again.find("m2", None) is None
    assert len(fake_slack.calls_of("conversations.history")) == 4


def test_a_note_is_found_in_its_thread(fake_slack: FakeSlack) -> None:
    slack = slack_of(fake_slack)
    parent = slack.send(card(), None)
    receipt = slack.send(note("n1"), parent)
    assert slack.find("n1", parent) == receipt
    assert slack.find("n2", parent) is None
    assert slack.find("n1", Receipt(parent.channel, "1.0")) is None


def test_without_the_scope_nothing_is_found() -> None:
    with FakeSlack(scopes=("chat:write",)) as fake:
        slack = slack_of(fake)
        parent = slack.send(card("m1"), None)
        assert slack.find("m1", None) is None
        assert slack.find("n1", parent) is None
        assert slack_of(fake).find("m1", None) is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(9), {"retry_after_seconds": 9.0}),
        (HttpStatus(503), {"ambiguous": True}),
        (Reset(), {"ambiguous": True}),
    ],
)
def test_a_look_that_fails_is_no_answer(
    fake_slack: FakeSlack, fault: Fault, expected: dict[str, object]
) -> None:
    fake_slack.fail_next("conversations.history", fault)
    with pytest.raises(NotifyError) as caught:
        slack_of(fake_slack, fake_slack.channel_id).find("m1", None)
    assert traits(caught.value) == expected
