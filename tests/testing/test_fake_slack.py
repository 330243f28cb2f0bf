import json
from itertools import pairwise

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from gpuwatch.testing import FakeSlack

METADATA = {"event_type": "incident", "event_payload": {"id": "i1"}}


@pytest.fixture
def client(fake_slack: FakeSlack) -> WebClient:
    return client_of(fake_slack)


def client_of(slack: FakeSlack, token: str | None = None) -> WebClient:
    return WebClient(
        token or slack.token, base_url=slack.url, retry_handlers=[], timeout=5
    )


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def error_of(caught: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(caught.value.response["error"])


def test_a_post_is_read_back_with_its_text_blocks_and_metadata(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    answer = client.chat_postMessage(
        channel="#gpu-alerts", text="hi", blocks=[section("body")], metadata=METADATA
    )
    (message,) = fake_slack.messages
    assert (answer["ts"], answer["channel"]) == (message.ts, fake_slack.channel_id)
    assert message.blocks == [section("body")]
    assert message.metadata == METADATA
    assert fake_slack.text_of(message) == "hi\nbody"
    assert fake_slack.calls[0].method == "chat.postMessage"


def test_a_form_post_with_blocks_as_a_string_is_the_same(fake_slack: FakeSlack) -> None:
    form = {
        "token": fake_slack.token,
        "channel": fake_slack.channel_id,
        "blocks": json.dumps([section("form")]),
    }
    answer = requests.post(fake_slack.url + "chat.postMessage", form, timeout=5)
    assert answer.json()["ok"] is True
    assert fake_slack.text_of(fake_slack.messages[0]) == "form"


def test_text_of_reads_fields_buttons_context_and_attachments(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Ack"},
        "action_id": "hidden",
        "value": "hidden",
    }
    client.chat_postMessage(
        channel=fake_slack.channel_id,
        text="all of it",
        blocks=[
            {"type": "header", "text": {"type": "plain_text", "text": "Head"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "field"}]},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "ctx"}]},
            {"type": "actions", "elements": [button]},
        ],
        attachments=[{"color": "#f00", "fields": [{"title": "k", "value": "v"}]}],
    )
    text = fake_slack.text_of(fake_slack.messages[0])
    assert text.splitlines() == ["all of it", "Head", "field", "ctx", "Ack", "k", "v"]


def test_an_edit_keeps_the_former_content_and_the_ts(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    posted = client.chat_postMessage(
        channel="gpu-alerts", text="bad", blocks=[section("1")]
    )
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="worse")
    client.chat_update(channel=posted["channel"], ts=posted["ts"], text="ok", blocks=[])
    (message,) = fake_slack.messages
    assert message.ts == posted["ts"]
    assert (message.text, message.blocks) == ("ok", [])
    assert message.edits == [("bad", [section("1")]), ("worse", [section("1")])]


@pytest.mark.parametrize(
    ("channel", "ts", "error"),
    [
        ("#gpu-alerts", None, "channel_not_found"),
        ("C000000001", "1.000001", "message_not_found"),
    ],
)
def test_an_edit_needs_the_channel_id_and_a_known_ts(
    client: WebClient, channel: str, ts: str | None, error: str
) -> None:
    posted = client.chat_postMessage(channel="#gpu-alerts", text="hi")
    with pytest.raises(SlackApiError) as caught:
        client.chat_update(channel=channel, ts=ts or posted["ts"], text="x")
    assert error_of(caught) == error


def test_replies_stand_in_the_thread_and_broadcasts_in_the_channel_too(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    channel = fake_slack.channel_id
    parent = client.chat_postMessage(channel=channel, text="p")["ts"]
    client.chat_postMessage(channel=channel, text="quiet", thread_ts=parent)
    client.chat_postMessage(
        channel=channel, text="loud", thread_ts=parent, reply_broadcast=True
    )
    assert [m.text for m in fake_slack.top_level()] == ["p", "loud"]
    assert [m.text for m in fake_slack.thread(parent)] == ["quiet", "loud"]
    told = client.conversations_replies(channel=channel, ts=parent)["messages"]
    assert [m["text"] for m in told] == ["p", "quiet", "loud"]
    assert told[0]["reply_count"] == 2
    shown = client.conversations_history(channel=channel)["messages"]
    assert [m["text"] for m in shown] == ["loud", "p"]


def test_history_pages_newest_first_within_oldest_and_latest(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    channel = fake_slack.channel_id
    stamps = [
        client.chat_postMessage(channel=channel, text=str(n))["ts"] for n in range(6)
    ]
    assert all(float(a) < float(b) for a, b in pairwise(stamps))
    pages = client.conversations_history(
        channel=channel, oldest=stamps[0], latest=stamps[5], limit=3
    )
    texts = [[m["text"] for m in page["messages"]] for page in pages]
    assert texts == [["4", "3", "2"], ["1"]]


def test_metadata_is_told_only_on_request(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    channel = fake_slack.channel_id
    client.chat_postMessage(channel=channel, text="x", metadata=METADATA)
    plain = client.conversations_history(channel=channel)["messages"][0]
    full = client.conversations_history(channel=channel, include_all_metadata=True)
    assert "metadata" not in plain
    assert full["messages"][0]["metadata"] == METADATA


def test_auth_channels_and_permalink(fake_slack: FakeSlack, client: WebClient) -> None:
    answer = client.auth_test()
    assert answer["ok"]
    headers = {name.lower(): value for name, value in answer.headers.items()}
    assert headers["x-oauth-scopes"] == ",".join(fake_slack.scopes)
    other = fake_slack.add_channel("#other")
    listed = client.conversations_list()["channels"]
    assert [c["id"] for c in listed] == [fake_slack.channel_id, other]
    assert client.conversations_info(channel=other)["channel"]["name"] == "other"
    ts = client.chat_postMessage(channel=other, text="x")["ts"]
    link = client.chat_getPermalink(channel=other, message_ts=ts)["permalink"]
    assert link.endswith("p" + ts.replace(".", ""))


def test_tokens_and_scopes_are_checked() -> None:
    with FakeSlack(scopes=["chat:write"]) as slack:
        with pytest.raises(SlackApiError) as caught:
            client_of(slack, "xoxb-wrong").auth_test()
        assert error_of(caught) == "invalid_auth"
        with pytest.raises(SlackApiError) as caught:
            client_of(slack).conversations_history(channel=slack.channel_id)
        assert error_of(caught) == "missing_scope"
        assert caught.value.response["needed"] == "channels:history"
        bare = requests.post(slack.url + "auth.test", timeout=5).json()
        assert bare == {"ok": False, "error": "not_authed"}


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([section("x")] * 50, None),
        ([section("x")] * 51, "invalid_blocks"),
        ([section("x" * 3000)] * 4, None),
        ([section("x" * 3001)], "invalid_blocks"),
        ([section("x" * 3000)] * 4 + [section("x")], "msg_blocks_too_long"),
        ([section("")], "invalid_blocks"),
        ([{"type": "nonsense"}], "invalid_blocks"),
        ([{"type": "header", "text": section("x" * 151)["text"]}], "invalid_blocks"),
        (
            [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
            "invalid_blocks",
        ),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
            "invalid_blocks",
        ),
        (
            [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
            "invalid_blocks",
        ),
        ("{not json", "invalid_blocks_format"),
    ],
)
def test_limits_on_blocks(
    fake_slack: FakeSlack, client: WebClient, blocks: object, error: str | None
) -> None:
    spelled = blocks if isinstance(blocks, str) else json.dumps(blocks)
    if error is None:
        client.chat_postMessage(channel="#gpu-alerts", text="x", blocks=spelled)
    else:
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel="#gpu-alerts", text="x", blocks=spelled)
        assert error_of(caught) == error
    assert len(fake_slack.messages) == (error is None)


def test_a_refusal_points_at_the_block(client: WebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(
            channel="#gpu-alerts", text="x", blocks=[section("x"), section("y" * 3001)]
        )
    (detail,) = caught.value.response["response_metadata"]["messages"]
    assert detail == (
        "[ERROR] must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    )


def test_a_long_text_is_cut_when_posted_and_refused_when_edited(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    posted = client.chat_postMessage(channel=fake_slack.channel_id, text="x" * 40_001)
    assert posted["response_metadata"]["warnings"] == ["message_truncated"]
    assert len(fake_slack.messages[0].text) == 40_000
    with pytest.raises(SlackApiError) as caught:
        client.chat_update(
            channel=fake_slack.channel_id, ts=posted["ts"], text="x" * 40_001
        )
    assert error_of(caught) == "msg_too_long"


def test_no_text_and_an_unknown_channel_or_thread_or_method(client: WebClient) -> None:
    for arguments, error in [
        ({"channel": "#gpu-alerts", "text": ""}, "no_text"),
        ({"channel": "#nowhere", "text": "x"}, "channel_not_found"),
        (
            {"channel": "#gpu-alerts", "text": "x", "thread_ts": "1"},
            "invalid_thread_ts",
        ),
    ]:
        with pytest.raises(SlackApiError) as caught:
            client.api_call("chat.postMessage", json=arguments)
        assert error_of(caught) == error
    with pytest.raises(SlackApiError) as caught:
        client.api_call("chat.nonsense")
    assert error_of(caught) == "unknown_method"


def test_the_webhook_posts_without_a_ts_and_refuses_in_plain_text(
    fake_slack: FakeSlack,
) -> None:
    url = fake_slack.webhook_url
    good = requests.post(url, json={"text": "hook"}, timeout=5)
    form = requests.post(url, {"payload": '{"text": "form"}'}, timeout=5)
    empty = requests.post(url, json={"text": ""}, timeout=5)
    broken = requests.post(url, data=b"?", timeout=5)
    stranger = requests.post(url + "Y", json={"text": "x"}, timeout=5)
    assert (good.text, form.text) == ("ok", "ok")
    assert (empty.status_code, empty.text) == (400, "no_text")
    assert (broken.status_code, broken.text) == (400, "invalid_payload")
    assert (stranger.status_code, stranger.text) == (404, "no_service")
    assert [m.text for m in fake_slack.top_level()] == ["hook", "form"]


def test_bursts_are_recorded_without_failing(
    fake_slack: FakeSlack, client: WebClient
) -> None:
    other = fake_slack.add_channel("other")
    first = client.chat_postMessage(channel=fake_slack.channel_id, text="1")
    client.chat_postMessage(channel=other, text="1")
    assert fake_slack.bursts == []
    client.chat_update(channel=fake_slack.channel_id, ts=first["ts"], text="2")
    assert fake_slack.bursts == []
    posted = client.chat_postMessage(channel=fake_slack.channel_id, text="3")
    (burst,) = fake_slack.bursts
    assert (burst.channel, burst.ts) == (fake_slack.channel_id, posted["ts"])
    assert 0 < burst.gap_seconds < 1
