from pathlib import Path

import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.settings import load_settings


def refused(folder: Path, text: str, **environ: str) -> ConfigError:
    path = folder / "gpuwatch.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {"HOME": "/home/ada", **environ})
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "pol_interval: 5s",
            "pol_interval: unknown key; did you mean 'poll_interval'?",
        ),
        ("slack: {tokn: x}", "slack.tokn: unknown key; did you mean 'token'?"),
        (
            "prometheus: {url: http://a, tls: {cafile: x}}",
            "prometheus.tls.cafile: unknown key; did you mean 'ca_file'?",
        ),
        (
            "prometheus: [{url: http://a, name: a}, {name: b, ulr: http://b}]",
            "prometheus[1].ulr: unknown key; did you mean 'url'?",
        ),
        (
            "poll_interval: 15 sec",
            "poll_interval: '15 sec' is not a duration; write it like 15s, 5m or 1h30m",
        ),
        (
            "prometheus: {url: localhost:9090}",
            "prometheus.url: not an HTTP address; write it like http://host:9090",
        ),
        (
            "prometheus: {url: 'http://a b'}",
            "prometheus.url: not an HTTP address; write it like http://host:9090",
        ),
        (
            "prometheus: {url: 'http://a:99999'}",
            "prometheus.url: Port out of range 0-65535",
        ),
        (
            "prometheus: {url: http://a, tenant: 'a\u2028b'}",
            "prometheus.tenant: not a tenant id; use one line of plain ASCII",
        ),
        (
            "prometheus: {url: http://a, urls: [http://b]}",
            "prometheus: needs an address; give one of url, urls",
        ),
        (
            "prometheus: [{url: http://a}, {url: http://b}]",
            "configuration: two clusters named 'default'; give each its own name",
        ),
        (
            "custom_rules: [{name: a}]",
            (
                "custom_rules[0].expr: is missing; "
                "add it (PromQL; each series is a subject)"
            ),
        ),
        (
            "custom_rules: [{name: a, expr: b, fro: 5m}]",
            "custom_rules[0].fro: unknown key; did you mean 'for'?",
        ),
        (
            "custom_rules: [{name: a, expr: b, severity: loud}]",
            "custom_rules[0].severity: 'loud' is not one of info, warning, critical",
        ),
        (
            "node_map: {'(': x}",
            (
                "node_map: '(' is no regular expression "
                "(missing ), unterminated subpattern at position 0); mend or escape it"
            ),
        ),
        (
            "node_map: {'a(.*)': 'b\\2'}",
            "node_map: 'b\\\\2' names a group that its regex lacks; add brackets",
        ),
        (
            "links: {grafana: 'https://g/{host}'}",
            (
                "links: {host} is not known; use one of "
                "cluster, node, gpu, uuid, job, rule, incident, start_ms"
            ),
        ),
        (
            "web: {listen: 9488}",
            "web.listen: 9488 cannot be used; it should be a valid string",
        ),
        (
            "web: {listen: '127.0.0.1'}",
            "web.listen: not host:port; write it like 127.0.0.1:9488",
        ),
        (
            "slack: {token: xoxb-1}",
            "slack: a token without a channel; add slack.channel",
        ),
    ],
)
def test_the_line_names_key_problem_and_remedy(
    tmp_path: Path, text: str, line: str
) -> None:
    assert str(refused(tmp_path, text)) == line


def test_several_faults_are_counted(tmp_path: Path) -> None:
    error = refused(tmp_path, "web: {listne: a}\nlog: {level: loud}")
    assert str(error).endswith("(and 1 more to mend)")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (
            "GPUWATCH_SLAK__TOKEN",
            "GPUWATCH_SLAK__TOKEN: unknown setting; did you mean GPUWATCH_SLACK?",
        ),
        ("GPUWATCH_SLACK__TOKN", "slack.tokn: unknown key; did you mean 'token'?"),
    ],
)
def test_an_unknown_variable_is_an_error(tmp_path: Path, name: str, line: str) -> None:
    assert str(refused(tmp_path, "", **{name: "x"})) == line


def test_an_unknown_variable_like_nothing_lists_what_there_is(tmp_path: Path) -> None:
    error = refused(tmp_path, "", GPUWATCH_QQQQ="x")
    assert "use one of GPUWATCH_PROMETHEUS, " in error.remedy


def test_an_unknown_secret_file_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "slack__tokken").write_text("xoxb-hidden")
    error = refused(tmp_path, "", GPUWATCH_SECRETS_DIR=str(folder))
    assert str(error) == "slack.tokken: unknown key; did you mean 'token'?"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb: [", "line 2, column 5"),
        ("slack:\n  token: xoxb-hidden: x\n", "line 2, column 21"),
        ("web: {}\nweb: {}\n", "line 2, column 1"),
        ("a: !!python/object:os.system x", "line 1, column 4"),
    ],
)
def test_a_yaml_error_gives_the_line_and_no_text_of_it(
    tmp_path: Path, text: str, where: str
) -> None:
    error = refused(tmp_path, text)
    assert error.key.endswith(where)
    assert "hidden" not in str(error)


@pytest.mark.parametrize("text", ["- a", "word", "1: 2"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "is not a mapping of keys" in str(refused(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.yaml"
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_settings(path, {})


@pytest.mark.parametrize(
    "text",
    [
        "slack: {token: [xoxb-hidden]}",
        "slack: {tokne: xoxb-hidden}",
        "slack: xoxb-hidden",
        "slack: {webhook_url: {hidden: 1}}",
        "slack: {token: xapp-hidden, channel: c}",
        "store: {url: [hidden]}",
        "deadman: {url: [hidden]}",
        "web: {token: [hidden]}",
        "prometheus: {url: 'http://user:hidden@host'}",
        "prometheus: {url: 'ftp://user:hidden@host'}",
        "prometheus: 'http://user:hidden@host'",
        "prometheus: {url: http://a, headers: {Authorization: [hidden]}}",
        'prometheus: {url: http://a, headers: {Authorization: "hidden\\nX: y"}}',
        "prometheus: {url: http://a, basic_auth: {username: u, password: [hidden]}}",
        "prometheus: {url: http://a, bearer_token: 5, basic_auth: hidden}",
        "log: {level: xoxb-hidden}",
        "xoxb-hidden: 1",
    ],
)
def test_no_secret_is_in_the_error(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert "hidden" not in str(error)
    assert "hidden" not in repr(error)
    assert error.__cause__ is None


def test_no_secret_is_in_a_repr(tmp_path: Path) -> None:
    path = tmp_path / "gpuwatch.yaml"
    path.write_text(
        "slack: {token: xoxb-hidden, channel: c, app_token: xapp-hidden}\n"
        "store: {url: 'postgresql://u:hidden@h/db'}\n"
        "web: {token: hidden}\n"
        "deadman: {url: 'https://hc/hidden'}\n"
        "prometheus: {url: http://a, bearer_token: hidden, headers: {X: hidden}}\n"
    )
    settings = load_settings(path, {})
    assert "hidden" not in repr(settings)
    assert "hidden" not in str(settings)
    assert "hidden" not in settings.model_dump_json()
