import pytest
import requests

from gpuwatch.errors import NotifyError
from gpuwatch.model.message import Reason, Receipt
from gpuwatch.notifiers.slack_webhook import SlackWebhookNotifier
from gpuwatch.testing import (
    Error,
    FakeSlack,
    Fault,
    HttpStatus,
    RateLimited,
    Reset,
    TimeoutAfterAccept,
)
from tests.notifiers.messages import card, note


def webhook_of(fake: FakeSlack) -> SlackWebhookNotifier:
    return SlackWebhookNotifier(fake.webhook_url, timeout_seconds=0.5)


def test_each_news_is_a_message_of_its_own(fake_slack: FakeSlack) -> None:
    webhook = webhook_of(fake_slack)
    receipt = webhook.send(card(headline="braked", mention=True), None)
    assert receipt == Receipt("slack_webhook", "m1")
    webhook.send(card("m2", Reason.WORSE, headline="braked"), receipt)
    webhook.send(note(text="Still <x>"), receipt)
    assert [m.text for m in fake_slack.top_level()] == [
        "🔴 braked <!here>",
        "🔴 Worse: braked",
        "🔴 Still &lt;x&gt;",
    ]
    assert fake_slack.messages[1].blocks[0]["text"]["text"] == "🔴 *Worse: braked*"
    assert webhook.find("m1", None) is None


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (RateLimited(1.5), {"retry_after_seconds": 1.5}),
        (HttpStatus(503), {"ambiguous": True}),
        (Error("no_service"), {"configuration": True}),
        (Error("channel_is_archived"), {"configuration": True}),
        (Reset(), {"ambiguous": True}),
        (TimeoutAfterAccept(), {"ambiguous": True}),
        (HttpStatus(302), {"configuration": True}),
    ],
)
def test_what_an_answer_means(
    fake_slack: FakeSlack, fault: Fault, expected: dict[str, object]
) -> None:
    fake_slack.fail_next("webhook", fault)
    with pytest.raises(NotifyError) as caught:
        webhook_of(fake_slack).send(card(), None)
    error = caught.value
    assert {k: v for k, v in vars(error).items() if v and k != "reason"} == expected
    assert "/services/" not in str(error)


def test_a_refused_connection_is_certain_and_hides_the_url(
    fake_slack: FakeSlack,
) -> None:
    fake_slack.stop()
    with pytest.raises(NotifyError) as caught:
        webhook_of(fake_slack).send(card(), None)
    error = caught.value
    assert error.ambiguous is False
    assert error.reason == "Slack's webhook cannot be reached (ConnectionError)"
    assert error.__suppress_context__ is True


def test_refused_blocks_go_out_as_text(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next("webhook", Error("invalid_blocks"))
    webhook_of(fake_slack).send(card(headline="braked"), None)
    (message,) = fake_slack.messages
    assert (message.text, message.blocks) == ("🔴 braked", [])


def test_a_url_that_is_none_is_a_matter_of_settings() -> None:
    with pytest.raises(NotifyError) as caught:
        SlackWebhookNotifier("hooks.slack.com/x").send(card(), None)
    assert caught.value.configuration is True
    assert not isinstance(caught.value, requests.RequestException)
