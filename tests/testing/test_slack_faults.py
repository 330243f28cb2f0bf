import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from gpuwatch.testing import (
    Dribble,
    Error,
    FakeSlack,
    Fault,
    HangSeconds,
    Html,
    HttpStatus,
    RateLimited,
    Reset,
    TimeoutAfterAccept,
    TimeoutBeforeAccept,
    Truncated,
    messages_from_log,
)

POST = "chat.postMessage"


def client_of(url: str, timeout_seconds: int = 5) -> WebClient:
    return WebClient(
        "xoxb-fake", base_url=url, retry_handlers=[], timeout=timeout_seconds
    )


def post(slack: FakeSlack, *, timeout_seconds: float = 5) -> requests.Response:
    return requests.post(
        slack.url + POST,
        json={"channel": slack.channel_id, "text": "x"},
        headers={"Authorization": f"Bearer {slack.token}"},
        timeout=timeout_seconds,
    )


def test_rate_limits_carry_retry_after(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, RateLimited(7))
    with pytest.raises(SlackApiError) as caught:
        client_of(fake_slack.url).chat_postMessage(channel="#gpu-alerts", text="x")
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    assert response.headers["Retry-After"] == "7"
    fake_slack.fail_next("webhook", RateLimited(1.5), Error("invalid_token"))
    answers = [
        requests.post(fake_slack.webhook_url, json={"text": "x"}, timeout=5)
        for _ in range(2)
    ]
    assert [a.text for a in answers] == ["rate_limited", "invalid_token"]
    assert answers[0].headers["Retry-After"] == "1.5"
    assert fake_slack.messages == []


@pytest.mark.parametrize(
    ("fault", "status", "stored"),
    [
        (HttpStatus(503), 503, 0),
        (HttpStatus(503, after_accept=True), 503, 1),
        (Html(502), 502, 0),
        (Html(504, after_accept=True), 504, 1),
        (Error("internal_error"), 200, 0),
        (Dribble(2000), 200, 1),
        (HangSeconds(0.1), 200, 1),
    ],
)
def test_faults_that_answer(
    fake_slack: FakeSlack, fault: Fault, status: int, stored: int
) -> None:
    fake_slack.fail_next(POST, fault)
    assert post(fake_slack).status_code == status
    assert len(fake_slack.messages) == stored


@pytest.mark.parametrize(
    ("fault", "failure", "stored"),
    [
        (Reset(), requests.ConnectionError, 0),
        (Reset(after_accept=True), requests.ConnectionError, 1),
        (TimeoutBeforeAccept(), requests.Timeout, 0),
        (TimeoutAfterAccept(), requests.Timeout, 1),
        (TimeoutBeforeAccept(0.05), requests.ConnectionError, 0),
        (TimeoutAfterAccept(0.05), requests.ConnectionError, 1),
        (Truncated(), requests.exceptions.ChunkedEncodingError, 1),
    ],
)
def test_faults_that_do_not_answer(
    fake_slack: FakeSlack,
    fault: Fault,
    failure: type[Exception],
    stored: int,
) -> None:
    fake_slack.fail_next(POST, fault)
    with pytest.raises(failure):
        post(fake_slack, timeout_seconds=0.4)
    assert len(fake_slack.messages) == stored
    assert len(fake_slack.calls_of(POST)) == 1


def test_a_reset_is_a_reset_and_not_a_polite_end(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, Reset())
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        post(fake_slack)


def test_an_honestly_cut_body_only_fails_to_parse(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, Truncated(honest_length=True))
    answer = post(fake_slack)
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_the_script_runs_queue_first_then_always_then_normal(
    fake_slack: FakeSlack,
) -> None:
    fake_slack.always(POST, HttpStatus(500))
    fake_slack.fail_next(POST, HttpStatus(503), None)
    assert [post(fake_slack).status_code for _ in range(4)] == [503, 200, 500, 500]
    fake_slack.always(POST, None)
    assert post(fake_slack).status_code == 200
    assert len(fake_slack.messages) == 2


def test_wait_for_wakes_on_a_message_from_another_thread(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, HangSeconds(0.1))
    sender = threading.Thread(target=post, args=(fake_slack,))
    sender.start()
    (message,) = fake_slack.wait_for(lambda slack: slack.messages)
    sender.join()
    assert message.text == "x"


def test_wait_for_tells_what_the_channel_said(fake_slack: FakeSlack) -> None:
    post(fake_slack)
    with pytest.raises(TimeoutError, match=r"1 messages, 1 calls\n.*'x'"):
        fake_slack.wait_for(lambda slack: len(slack.messages) == 2, 0.05)


def test_stop_and_start_keep_port_and_messages(fake_slack: FakeSlack) -> None:
    url = fake_slack.url
    with requests.Session() as session:
        session.get(url + "auth.test", timeout=5)  # a kept-alive connection
        fake_slack.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(url + "auth.test", timeout=5)
        with pytest.raises(requests.ConnectionError, match="refused"):
            post(fake_slack)
        fake_slack.start()
        assert session.get(url + "auth.test", timeout=5).status_code == 200
    assert fake_slack.url == url
    assert post(fake_slack).json()["ok"] is True


def test_stop_ends_a_hanging_answer(fake_slack: FakeSlack) -> None:
    fake_slack.fail_next(POST, TimeoutAfterAccept())
    failures: list[Exception] = []

    def send() -> None:
        with pytest.raises(requests.ConnectionError) as caught:
            post(fake_slack, timeout_seconds=60)
        failures.append(caught.value)

    sender = threading.Thread(target=send)
    sender.start()
    fake_slack.wait_for(lambda slack: slack.messages)
    fake_slack.stop()
    sender.join()
    assert len(failures) == 1


def test_a_process_of_its_own_logs_posts_and_edits(
    tmp_path: Path, free_port: int
) -> None:
    log = tmp_path / "slack.jsonl"
    command = [sys.executable, "-m", "gpuwatch.testing.slack"]
    command += ["--port", str(free_port), "--log", str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        client = client_of(url)
        posted = client.chat_postMessage(channel="#gpu-alerts", text="one")
        client.chat_update(channel=posted["channel"], ts=posted["ts"], text="two")
        client.chat_postMessage(channel="#gpu-alerts", text="three")
        process.terminate()
    assert url == f"http://127.0.0.1:{free_port}/api/"
    assert process.returncode == 0
    assert len(log.read_text().splitlines()) == 3
    one, three = messages_from_log(log)
    assert (one.text, one.edits, three.text) == ("two", [("one", [])], "three")
