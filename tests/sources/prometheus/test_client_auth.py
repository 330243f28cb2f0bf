import base64
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from gpuwatch.errors import ConfigError, SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.client import PrometheusClient
from gpuwatch.testing import FakePrometheus


@contextmanager
def client_of(**settings: Any) -> Iterator[PrometheusClient]:
    known = PrometheusSettings(**{"backend": "prometheus", **settings})
    with closing(PrometheusClient(known, deadline_seconds=5)) as client:
        yield client


def sent(prometheus: FakePrometheus, **settings: Any) -> Message:
    with client_of(url=prometheus.url, **settings) as client:
        client.query("up", 1)
    return prometheus.requests[-1].headers


def refusal(**settings: Any) -> SourceError:
    with client_of(**settings) as client, pytest.raises(SourceError) as caught:
        client.query("up", 1, name="x")
    return caught.value


def test_nothing_is_sent_unasked(fake_prometheus: FakePrometheus) -> None:
    headers = sent(fake_prometheus)
    assert "Authorization" not in headers
    assert "X-Scope-OrgID" not in headers


def test_tenant_and_headers(fake_prometheus: FakePrometheus) -> None:
    headers = sent(
        fake_prometheus,
        tenant="a|b",
        headers={"X-Own": "1", "X-More": "2"},
    )
    assert headers["X-More"] == "2"
    assert headers["X-Scope-OrgID"] == "a|b"
    assert headers["X-Own"] == "1"


def test_a_bearer_token(fake_prometheus: FakePrometheus) -> None:
    given = {"bearer_token": "abcd"}
    headers = sent(fake_prometheus, **given)
    assert headers["Authorization"] == "Bearer abcd"


@pytest.mark.parametrize("token", ["hidden\nsecond: line", "hidd\u00e9n", ""])
def test_a_token_that_cannot_be_sent_is_not_shown(
    fake_prometheus: FakePrometheus, tmp_path: Path, token: str
) -> None:
    path = tmp_path / "token"
    path.write_text(token)
    error = refusal(url=fake_prometheus.url, bearer_token_file=path)
    assert str(error) == "x: bearer token is not one line of plain ASCII"
    assert "hidd" not in "".join(traceback.format_exception(error))
    assert fake_prometheus.requests == []


@pytest.mark.parametrize("in_file", [False, True])
def test_basic_auth(
    fake_prometheus: FakePrometheus, tmp_path: Path, in_file: bool
) -> None:
    path = tmp_path / "password"
    path.write_text("pässword\n")
    given = {"password_file": path} if in_file else {"password": "pässword"}
    headers = sent(fake_prometheus, basic_auth={"username": "ada", **given})
    expected = base64.b64encode("ada:pässword".encode()).decode()
    assert headers["Authorization"] == f"Basic {expected}"


def test_a_token_file_is_read_again_when_it_changes(
    fake_prometheus: FakePrometheus, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old-token\n")
    with client_of(url=fake_prometheus.url, bearer_token_file=path) as client:
        client.query("up", 1)
        fresh = tmp_path / "fresh"
        fresh.write_text("new-token\n")
        os.utime(fresh, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
        fresh.rename(path)
        client.query("up", 1)
        path.unlink()
        with pytest.raises(SourceError, match=r"bearer_token_file .* No such file"):
            client.query("up", 1, name="x")
    told = [request.headers["Authorization"] for request in fake_prometheus.requests]
    assert told == ["Bearer old-token", "Bearer new-token"]


def test_the_environment_is_not_obeyed_unless_asked(
    fake_prometheus: FakePrometheus, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port}")
    sent(fake_prometheus)
    assert "cannot talk" in refusal(url=fake_prometheus.url, trust_env=True).reason


def test_tls_needs_trust() -> None:
    with FakePrometheus(tls=True) as prometheus:
        error = refusal(url=prometheus.url)
        assert "TLS with" in error.reason
        assert "self-signed certificate" in error.reason
        assert not error.retryable
        sent(prometheus, tls={"ca_file": prometheus.ca_file})
        sent(prometheus, tls={"insecure_skip_verify": True})


def test_the_name_in_the_certificate() -> None:
    with FakePrometheus(tls=True) as prometheus:
        known = {"ca_file": prometheus.ca_file}
        sent(prometheus, tls={**known, "server_name": "localhost"})
        other = {**known, "server_name": "other.example"}
        error = refusal(url=prometheus.url, tls=other)
        assert re.search("TLS with .* failed: .*other.example", error.reason)


def test_a_client_certificate() -> None:
    with FakePrometheus(client_certificate=True) as prometheus:
        made = prometheus.client_certificate
        assert made is not None
        tls = {"ca_file": prometheus.ca_file}
        assert refusal(url=prometheus.url, tls=tls).query == "x"
        ours = {"cert_file": made.cert_file, "key_file": made.key_file}
        sent(prometheus, tls={**tls, **ours})


def test_a_missing_certificate_is_an_error_at_start(tmp_path: Path) -> None:
    tls = {"ca_file": tmp_path / "none.pem"}
    with pytest.raises(ConfigError, match=r"prometheus\.tls\.ca_file: there is no"):
        client_of(url="https://a", tls=tls).__enter__()


def test_amazons_signature(fake_prometheus: FakePrometheus) -> None:
    keys = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI"}
    headers = sent(fake_prometheus, sigv4={"region": "eu-west-1", **keys})
    stamp = headers["X-Amz-Date"]
    assert re.fullmatch(r"\d{8}T\d{6}Z", stamp)
    signature = headers["Authorization"]
    assert signature.startswith(
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{stamp[:8]}/eu-west-1/aps/"
        "aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="
    )
    assert re.search(r"Signature=[0-9a-f]{64}$", signature)
    assert "wJalrXUtnFEMI" not in signature


def test_amazon_without_keys_or_profile(
    fake_prometheus: FakePrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    region = {"region": "eu-west-1"}
    error = refusal(url=fake_prometheus.url, sigv4=region)
    assert str(error) == "x: sigv4: no AWS credentials found"
    with pytest.raises(ConfigError, match="AWS knows no profile 'nope'"):
        client_of(url="http://a", sigv4={**region, "profile": "nope"}).__enter__()


def test_amazon_without_botocore_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(ConfigError, match=r"gpuwatch-fleet\[aws\]"):
        client_of(url="http://a", sigv4={"region": "eu-west-1"}).__enter__()
