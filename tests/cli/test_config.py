"""`gpuwatch config check` and `schema`."""

import os
from pathlib import Path

import pytest

from gpuwatch.rules import builtin_rules
from gpuwatch.site_rules import pack_rules
from tests.cli.conftest import Run


def test_check_sums_up_and_tells_no_secret(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(
        "prometheus:\n"
        "- {name: east, url: 'http://e:9090', bearer_token: hush-token}\n"
        "- {name: west, urls: ['http://w1:9090', 'http://w2:9090']}\n"
        "slack: {token: xoxb-hush, channel: '#gpu'}\n"
        "store: {url: 'postgresql://bob:hush@db/gpuwatch'}\n"
        "rules: {power_brake: {enabled: false}}\n"
        "deadman: {url: 'https://hc.example.com/hush'}\n"
    )
    ran = run("config", "check", "--config", str(file))
    rules = len(builtin_rules())
    assert ran.code == 0
    assert ran.out.splitlines() == [
        f"ok: {file}",
        "  cluster    east: http://e:9090",
        "  cluster    west: http://w1:9090, http://w2:9090",
        "  poll       every 15 s",
        "  receiver   Slack #gpu by bot token",
        f"  rules      {rules - 1} of {rules} on, 1 changed",
        "  store      postgresql://bob:***@db/gpuwatch",
        "  page       http://127.0.0.1:9488/",
        "  deadman    pings hc.example.com",
    ]


def test_check_says_where_it_looks_without_a_file(run: Run) -> None:
    assert run("config", "check").out.startswith("ok: no file, defaults and GPUWATCH_*")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("poll_intervall: 15s", "poll_intervall: unknown key; did you mean"),
        ("rules: {power_brake: {hold: soon}}", "rules.power_brake.hold: 'soon'"),
        ("rules: {powerbrake: {}}", "rules.powerbrake: there is no such rule"),
        ("rules: {power_brake: {holds: 1s}}", "rules.power_brake.holds: unknown"),
        (
            "prometheus: {url: 'https://p:1', tls: {ca_file: /none/ca.pem}}",
            "prometheus.tls.ca_file: there is no file '/none/ca.pem'",
        ),
        (
            "custom_rules: [{name: power_brake, expr: up}]",
            "custom_rules.power_brake: a built-in rule has that name",
        ),
        ("store: {url: 'mysql://x/y'}", "store.url: mysql is not supported"),
    ],
)
def test_check_names_key_and_remedy(run: Run, text: str, told: str) -> None:
    Path("gpuwatch.yaml").write_text(text)
    ran = run("config", "check")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"gpuwatch: {told}")
    assert ran.err.count("\n") == 1


def test_schema_knows_each_rules_parameters(run: Run) -> None:
    schema = run("config", "schema").json
    rules = schema["properties"]["rules"]
    assert rules["additionalProperties"] is False
    assert set(rules["properties"]) == set(builtin_rules()) | set(pack_rules())
    assert rules["properties"]["ib_link_flapping"]["properties"]["hold"] == {
        "anyOf": [{"type": "string"}, {"type": "number"}],
        "description": "must be bad this long",
        "default": "1m",
    }
    brake = rules["properties"]["power_brake"]
    assert brake["additionalProperties"] is False
    assert brake["properties"]["severity"]["enum"] == ["info", "warning", "critical"]
    assert brake["properties"]["severity"]["default"] == "critical"
    assert {"type": "string"} in brake["properties"]["hold"]["anyOf"]
    assert brake["properties"]["hold"]["default"] == "15s"


def test_schema_refers_to_nothing_that_is_missing(run: Run) -> None:
    text = run("config", "schema").out
    schema = run("config", "schema").json
    for name in set(text.split('"#/$defs/')[1:]):
        assert name.partition('"')[0] in schema["$defs"]


def test_schema_holds_no_path_of_this_host(run: Run) -> None:
    assert os.environ["HOME"] not in run("config", "schema").out
