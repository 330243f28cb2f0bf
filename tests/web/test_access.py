"""Who may ask what."""

from pathlib import Path

import pytest
import requests

from gpuwatch.errors import ConfigError
from gpuwatch.web.access import LARGEST_BODY_BYTES
from gpuwatch.web.listening import bind
from tests.web.houses import TIMEOUT, House, built, served, web

READING = ["/", "/incidents/x", "/api/v1/incidents", "/api/v1/openapi.json"]
OPEN = ["/healthz", "/readyz", "/metrics", "/static/style.css"]
BODY = {"kind": "forget", "target": "n1", "by": "ann"}


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
@pytest.mark.parametrize("token", [None, ""])
def test_the_world_is_not_let_in_without_a_token(
    listen: str, token: str | None
) -> None:
    settings = web(listen).model_copy(update={"token": None})
    if token is not None:
        settings = web(listen, token)
    with pytest.raises(ConfigError) as error:
        bind(settings)
    assert str(error.value) == (
        f"web.listen: {listen} is reachable from outside and has no token; "
        "set web.token or listen on 127.0.0.1"
    )


@pytest.mark.parametrize("path", READING)
def test_beyond_loopback_reading_needs_the_token(tmp_path: Path, path: str) -> None:
    with built(tmp_path) as house, served(house, web("0.0.0.0:0", "s3cret")):
        refused = house.get(path)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == 'Basic realm="gpuwatch"'
        assert house.get(path, auth=("any", "wrong")).status_code == 401
        assert house.get(path, auth=("any", "")).status_code == 401
        bearer = {"Authorization": "Bearer s3cret"}
        assert house.get(path, headers=bearer).status_code in (200, 404)
        assert house.get(path, auth=("any", "s3cret")).status_code in (200, 404)


@pytest.mark.parametrize("path", OPEN)
def test_probes_need_none(tmp_path: Path, path: str) -> None:
    with built(tmp_path) as house, served(house, web("0.0.0.0:0", "s3cret")):
        assert house.get(path).status_code == 200


@pytest.mark.parametrize("header", ["Bearer ", "Basic !", "Basic", "x", "Bearer é"])
def test_garbage_is_no_token(tmp_path: Path, header: str) -> None:
    with built(tmp_path) as house, served(house, web("0.0.0.0:0", "s3cret")):
        headers = {"Authorization": header.encode("latin-1")}
        assert house.get("/", headers=headers).status_code == 401


@pytest.mark.parametrize("token", [None, "wrong", "a-secret-toke", "a-secret-token2"])
def test_changes_need_the_token_even_on_loopback(
    house: House, token: str | None
) -> None:
    answer = house.ask(BODY, token)
    assert answer.status_code == 401
    assert list(answer.json()) == ["error"]
    assert not house.store.requests()


def test_a_password_that_a_browser_sends_by_itself_changes_nothing(
    house: House,
) -> None:
    url = f"{house.url}/api/v1/requests"
    token = ("any", "a-secret-token")
    answer = requests.post(url, json=BODY, auth=token, timeout=TIMEOUT)
    assert answer.status_code == 401


@pytest.mark.parametrize("token", [None, ""])
def test_without_any_token_changes_are_off(tmp_path: Path, token: str | None) -> None:
    with built(tmp_path) as house, served(house, api_token=token):
        for given in (None, "", "None"):
            answer = house.ask(BODY, given)
            assert answer.status_code == 403
            assert "web.token" in answer.json()["error"]


def test_the_token_of_the_settings_may_change_things_too(tmp_path: Path) -> None:
    settings = web(token="s3cret")  # noqa: S106  made up
    with built(tmp_path) as house, served(house, settings):
        assert house.ask(BODY, "s3cret").status_code == 202
        assert house.ask(BODY).status_code == 202


@pytest.mark.parametrize(
    ("size", "status"), [(LARGEST_BODY_BYTES, 422), (LARGEST_BODY_BYTES + 1, 413)]
)
def test_a_long_body_is_refused_before_it_is_read(
    house: House, size: int, status: int
) -> None:
    headers = {"Authorization": "Bearer a-secret-token"}
    url = f"{house.url}/api/v1/requests"
    answer = requests.post(url, data=b" " * size, headers=headers, timeout=TIMEOUT)
    assert answer.status_code == status


def test_a_body_without_length_is_refused(house: House) -> None:
    headers = {"Authorization": "Bearer a-secret-token"}
    url = f"{house.url}/api/v1/requests"
    answer = requests.post(url, data=iter([b"{}"]), headers=headers, timeout=TIMEOUT)
    assert answer.status_code == 411


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:9488", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("gpu.example.org", 200),
        ("evil.example.org", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_a_name_that_somebody_points_here_reads_nothing(
    tmp_path: Path, host: str, status: int
) -> None:
    public = {"external_url": "https://gpu.example.org/x"}
    settings = web().model_copy(update=public)
    with built(tmp_path) as house, served(house, settings):
        assert house.get("/", headers={"Host": host}).status_code == status
        assert house.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", [*READING, *OPEN, "/nothing"])
def test_every_answer_has_the_headers(house: House, path: str) -> None:
    headers = house.get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert ("no-store" in headers["Cache-Control"]) == ("static" not in path)


def test_refusals_have_the_headers_too(house: House) -> None:
    assert house.ask(BODY, None).headers["X-Content-Type-Options"] == "nosniff"


def test_errors_inside_are_told_without_their_text(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with built(tmp_path) as house, served(house):
        house.change(incidents=(object(),))
        answer = house.get("/api/v1/incidents")
        house.change(incidents=())
        assert 'gpuwatch_failures_total{what="web"}' in house.get("/metrics").text
    assert answer.status_code == 500
    assert answer.json() == {"error": "an error in gpuwatch; its log says more"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "AttributeError" in caplog.text
