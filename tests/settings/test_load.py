from pathlib import Path

import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.model.severity import Severity
from gpuwatch.settings import Settings, load_settings

HOME = {"HOME": "/home/ada"}


def written(folder: Path, text: str) -> Path:
    path = folder / "gpuwatch.yaml"
    path.write_text(text)
    return path


def loaded(folder: Path, text: str = "", **environ: str) -> Settings:
    return load_settings(written(folder, text), {**HOME, **environ})


def refused(folder: Path, text: str = "", **environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, **environ)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a configuration."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("elsewhere")
def test_no_file_at_all_means_defaults() -> None:
    settings = load_settings(None, HOME)
    assert settings.prometheus[0].addresses == ("http://localhost:9090",)
    assert settings.poll_interval == 15
    assert settings.node_labels == ("node", "Hostname", "hostname", "instance")
    assert settings.web.listen == "127.0.0.1:9488"
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 9488)
    assert settings.slack.base_url == "https://slack.com/api/"
    assert not settings.slack.ready
    assert settings.store.retention == 180 * 86400


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (
            {"STATE_DIRECTORY": "/var/lib/gpuwatch:/var/lib/other", **HOME},
            "sqlite:////var/lib/gpuwatch/gpuwatch.db",
        ),
        (
            {"XDG_STATE_HOME": "/state", **HOME},
            "sqlite:////state/gpuwatch/gpuwatch.db",
        ),
        (HOME, "sqlite:////home/ada/.local/state/gpuwatch/gpuwatch.db"),
        (
            {"XDG_STATE_HOME": "relative", **HOME},
            "sqlite:////home/ada/.local/state/gpuwatch/gpuwatch.db",
        ),
    ],
)
def test_the_store_lies_in_the_state_folder(environ: dict[str, str], url: str) -> None:
    assert load_settings(None, environ).store.url.get_secret_value() == url


def test_the_order_of_search(elsewhere: Path) -> None:
    written(elsewhere, "poll_interval: 20s")
    named = elsewhere / "named.yaml"
    named.write_text("poll_interval: 30s")
    option = elsewhere / "option.yaml"
    option.write_text("poll_interval: 40s")
    by_variable = {**HOME, "GPUWATCH_CONFIG": str(named)}
    assert load_settings(None, HOME).poll_interval == 20
    assert load_settings(None, by_variable).poll_interval == 30
    assert load_settings(option, by_variable).poll_interval == 40


def test_environment_over_secrets_over_file(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "slack__token").write_text("xoxb-file\n")
    (folder / "slack__channel").write_text("#from-secret\n")
    (folder / "client.key").write_text("not a setting")
    text = "slack: {token: xoxb-yaml, channel: '#from-yaml', mention: ''}"
    settings = loaded(
        tmp_path,
        text,
        CREDENTIALS_DIRECTORY=str(folder),
        GPUWATCH_SLACK__CHANNEL="#from-env",
    )
    assert settings.slack.token is not None
    assert settings.slack.token.get_secret_value() == "xoxb-file"
    assert settings.slack.channel == "#from-env"
    assert settings.slack.mention == ""
    assert settings.slack.ready


def test_the_environment_reaches_rules_lists_and_the_only_cluster(
    tmp_path: Path,
) -> None:
    settings = loaded(
        tmp_path,
        "rules: {gpu_hot: {hold: 10s, notify: off}}\n"
        "prometheus: {url: 'http://a:9090', name: main}",
        GPUWATCH_RULES__GPU_HOT__LIMIT_CELSIUS="90",
        GPUWATCH_NODE_LABELS="nodename, host",
        GPUWATCH_PROMETHEUS__URL="http://b:9090/",
        GPUWATCH_PROMETHEUS__TENANT="",
        UNRELATED="1",
    )
    assert settings.rules == {
        "gpu_hot": {"hold": "10s", "notify": "off", "limit_celsius": "90"}
    }
    assert settings.node_labels == ("nodename", "host")
    assert settings.prometheus[0].name == "main"
    assert settings.prometheus[0].addresses == ("http://b:9090",)
    assert settings.prometheus[0].tenant is None


def test_several_clusters_in_json_by_environment(tmp_path: Path) -> None:
    clusters = '[{"name": "a", "url": "http://a"}, {"name": "b", "urls": "http://b"}]'
    error = refused(tmp_path, GPUWATCH_PROMETHEUS=clusters)
    assert error.key == "prometheus[1].urls"
    clusters = clusters.replace('"http://b"', '["http://b", "http://c"]')
    settings = loaded(tmp_path, GPUWATCH_PROMETHEUS=clusters)
    assert [c.addresses for c in settings.prometheus] == [
        ("http://a",),
        ("http://b", "http://c"),
    ]


def test_one_variable_never_drops_the_clusters_of_a_list(tmp_path: Path) -> None:
    text = "prometheus: [{url: 'http://a', name: a}, {url: 'http://b', name: b}]"
    error = refused(tmp_path, text, GPUWATCH_PROMETHEUS__HEADERS__X="s3cret")
    assert error.key == "prometheus"
    assert "s3cret" not in str(error)


def test_exporters_instead_of_a_prometheus(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "exporters: {urls: ['http://gpu-1:9400/metrics']}")
    assert settings.prometheus == ()
    assert settings.exporters.urls == ("http://gpu-1:9400/metrics",)
    both = "exporters: {name: x, urls: [http://e]}\nprometheus: {url: http://p}"
    assert len(loaded(tmp_path, both).prometheus) == 1
    assert refused(tmp_path, "exporters: {interval: 5s}").key == "configuration"


def test_a_custom_rule_says_for(tmp_path: Path) -> None:
    text = (
        "custom_rules:\n"
        "- {name: disk_full, expr: 'x > 1', for: 5m, severity: critical, notify: off}\n"
    )
    (rule,) = loaded(tmp_path, text).custom_rules
    assert (rule.hold, rule.severity, rule.notify) == (300, Severity.CRITICAL, "off")


def test_yaml_words_are_no_booleans(tmp_path: Path) -> None:
    text = "rules: {a: {notify: off, enabled: no}, b: {enabled: false}}"
    assert loaded(tmp_path, text).rules == {
        "a": {"notify": "off", "enabled": "no"},
        "b": {"enabled": False},
    }


@pytest.mark.usefixtures("elsewhere")
def test_a_bare_settings_reads_no_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GPUWATCH_POLL_INTERVAL", "99s")
    monkeypatch.setenv("POLL_INTERVAL", "99s")
    assert Settings().poll_interval == 15


def test_an_unreadable_file_and_folder(tmp_path: Path) -> None:
    missing = tmp_path / "missing.yaml"
    with pytest.raises(ConfigError, match="--config: there is no file"):
        load_settings(missing, HOME)
    with pytest.raises(ConfigError, match="GPUWATCH_CONFIG: there is no file"):
        load_settings(None, {**HOME, "GPUWATCH_CONFIG": str(missing)})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path, HOME)
    gone = refused(tmp_path, GPUWATCH_SECRETS_DIR=str(missing))
    assert gone.key == "GPUWATCH_SECRETS_DIR"
