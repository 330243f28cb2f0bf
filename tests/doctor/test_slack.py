"""Token, scopes and channel, against a Slack on a loopback port."""

from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from gpuwatch.doctor.slack import slack
from gpuwatch.settings import SlackSettings
from gpuwatch.testing import Error, Exchange, FakeSlack, Html, Reply, Reset
from tests.doctor.conftest import named, states

TOKEN = "xoxb-fake"  # noqa: S105  opens the fake


@dataclass(frozen=True)
class Says:
    """Answers with this document."""

    document: dict[str, Any]

    def play(self, exchange: Exchange) -> None:
        exchange.send(Reply.of_json({"ok": True, **self.document}))


def settings(fake: FakeSlack, channel: str = "#gpu-alerts") -> SlackSettings:
    return SlackSettings(token=SecretStr(TOKEN), channel=channel, base_url=fake.url)


def test_all_is_well(fake_slack: FakeSlack) -> None:
    found = list(slack(settings(fake_slack)))
    assert states(found) == {
        "Slack token": "ok",
        "Slack scopes": "ok",
        "Slack channel": "ok",
        "Slack history": "ok",
    }
    assert named(found, "Slack token").what == "accepted, as gpuwatch in fake"
    assert fake_slack.messages == []


def test_a_channel_by_its_id(fake_slack: FakeSlack) -> None:
    found = list(slack(settings(fake_slack, fake_slack.channel_id)))
    assert states(found)["Slack channel"] == "ok"
    assert fake_slack.calls_of("conversations.list") == []


@pytest.mark.parametrize("channel", ["#gpu-alert", "C0NOTHERE"])
def test_a_channel_that_is_not_there(fake_slack: FakeSlack, channel: str) -> None:
    found = list(slack(settings(fake_slack, channel)))
    lost = named(found, "Slack channel")
    assert lost.state == "fail"
    assert channel in lost.what
    assert "groups:read" in lost.mend
    assert "Slack history" not in states(found)


def test_the_bot_is_no_member(fake_slack: FakeSlack) -> None:
    outside = {"id": "C1", "name": "gpu-alerts", "is_member": False}
    fake_slack.fail_next("conversations.info", Says({"channel": outside}))
    found = named(slack(settings(fake_slack)), "Slack channel")
    assert (found.state, found.mend[:7]) == ("fail", "write /")


def test_an_archived_channel(fake_slack: FakeSlack) -> None:
    old = {"id": "C1", "is_member": True, "is_archived": True}
    fake_slack.fail_next("conversations.info", Says({"channel": old}))
    found = named(slack(settings(fake_slack)), "Slack channel")
    assert (found.state, found.what) == ("fail", "#gpu-alerts is archived")


def test_a_private_channel_needs_its_own_history_scope(fake_slack: FakeSlack) -> None:
    private = {"id": "C1", "is_member": True, "is_private": True}
    fake_slack.fail_next("conversations.info", Says({"channel": private}))
    found = named(slack(settings(fake_slack)), "Slack history")
    assert found.state == "warn"
    assert found.what.startswith("no groups:history: ")


def test_without_chat_write_it_cannot_speak() -> None:
    with FakeSlack(scopes=("channels:read", "channels:history")) as fake:
        found = named(slack(settings(fake)), "Slack scopes")
    assert found.state == "fail"
    assert "add chat:write" in found.mend


def test_without_history_messages_may_repeat() -> None:
    with FakeSlack(scopes=("chat:write", "channels:read")) as fake:
        found = list(slack(settings(fake)))
    assert states(found)["Slack history"] == "warn"
    assert states(found)["Slack channel"] == "ok"


def test_without_channels_read_the_channel_is_not_judged() -> None:
    with FakeSlack(scopes=("chat:write", "channels:history")) as fake:
        by_name = list(slack(settings(fake)))
        by_id = list(slack(settings(fake, fake.channel_id)))
    assert states(by_name)["Slack channel"] == "skip"
    assert states(by_id)["Slack channel"] == "skip"
    assert "channels:read" in named(by_name, "Slack channel").mend


def test_a_refused_token_ends_it(fake_slack: FakeSlack) -> None:
    wrong = SlackSettings(
        token=SecretStr("xoxb-hush"), channel="#gpu-alerts", base_url=fake_slack.url
    )
    (found,) = slack(wrong)
    assert (found.state, found.what) == ("fail", "it refuses: invalid_auth")
    assert "copy the Bot User OAuth Token" in found.mend
    assert "hush" not in repr(found)


def test_a_revoked_token(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next("auth.test", Error("token_revoked"))
    (found,) = slack(settings(fake_slack))
    assert found.mend == "reinstall the app and copy its new token"


@pytest.mark.parametrize("fault", [Reset(), Html(502)])
def test_a_broken_way_is_a_finding(fake_slack: FakeSlack, fault: Any) -> None:
    fake_slack.always("auth.test", fault)
    (found,) = slack(settings(fake_slack))
    assert found.state == "fail"
    assert found.mend


def test_nobody_is_told_without_settings() -> None:
    (found,) = slack(SlackSettings())
    assert (found.name, found.state) == ("Slack", "warn")
    assert found.mend.startswith("set slack.token and slack.channel")


@pytest.mark.parametrize(
    ("url", "state"),
    [
        ("https://hooks.slack.com/services/T000/B000/hush", "ok"),
        ("https://hooks.slack.com/services/T000/hush", "fail"),
        ("https://hooks.slack.com/hush/T000/B000/hush", "fail"),
        ("http://hooks.slack.com/services/T000/B000/hush", "warn"),
        ("https://relay.example.com/hush", "warn"),
    ],
)
def test_a_webhook_by_its_form(url: str, state: str) -> None:
    (found,) = slack(SlackSettings(webhook_url=SecretStr(url)))
    assert (found.name, found.state) == ("Slack webhook", state)
    assert "hush" not in repr(found)
