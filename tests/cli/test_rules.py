"""`gpuwatch rules`."""

from pathlib import Path

import pytest

from gpuwatch.rules import builtin_rules
from tests.cli.conftest import Run


def test_lists_every_rule_with_what_it_is_set_to(run: Run) -> None:
    rules = {rule["name"]: rule for rule in run("rules").json["rules"]}
    assert set(rules) == set(builtin_rules())
    thermal = rules["thermal_slowdown"]
    assert thermal["severity"] == "critical"
    assert thermal["hold"] == "15s"
    assert thermal["enabled"] is True
    assert thermal["summary"] == "Clocks cut because the GPU or its memory is too hot."
    assert thermal["reads"][0] == {
        "metric": "throttle_reasons",
        "required": True,
        "window": "5m",
        "exporter_fields": [
            "DCGM_FI_DEV_CLOCKS_EVENT_REASONS",
            "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
        ],
    }


def test_honours_the_configuration(run: Run) -> None:
    Path("gpuwatch.yaml").write_text(
        "rules: {power_brake: {hold: 90s, severity: warning, enabled: false}}\n"
    )
    (brake,) = run("rules", "power_brake").json["rules"]
    found = (brake["hold"], brake["severity"], brake["enabled"])
    assert found == ("1m30s", "warning", False)
    hold = next(p for p in brake["parameters"] if p["name"] == "hold")
    assert (hold["value"], hold["default"]) == ("1m30s", "15s")
    assert "1m30s (default 15s)" in run("rules", "power_brake", "--output=table").out
    assert ", 1 switched off" in run("rules", "--output", "table").out


def test_one_rule_is_told_in_full(run: Run) -> None:
    page = run("rules", "thermal_slowdown", "--output", "table").out
    for heading in ("What", "Why", "First response", "Source", "Parameters", "Reads"):
        assert f"\n{heading}" in page
    assert "violation_percent" in page
    assert "DCGM_FI_DEV_THERMAL_VIOLATION" in page


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("therml", "did you mean thermal_slowdown?"),
        ("power", "did you mean power_brake?"),
        ("zzzzqqq", "`gpuwatch rules` lists them"),
    ],
)
def test_an_unknown_one_is_one_line_and_exit_2(
    run: Run, name: str, remedy: str
) -> None:
    ran = run("rules", name)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"gpuwatch: {name}: there is no such rule; {remedy}\n"


def test_a_wrong_parameter_does_not_hide_the_help_on_it(run: Run) -> None:
    Path("gpuwatch.yaml").write_text("rules: {power_brake: {hold: soon}}\n")
    ran = run("rules", "power_brake")
    assert ran.code == 0
    assert ran.json["rules"][0]["hold"] == "15s"
    assert "rules.power_brake.hold" in ran.err
    assert "(defaults are shown)" in ran.err


def test_a_custom_rule_shows_its_promql_and_no_markup(run: Run) -> None:
    Path("gpuwatch.yaml").write_text(
        "custom_rules: [{name: full, expr: 'disk{a=\"[bold]x\"} < 1'}]\n"
    )
    (rule,) = run("rules", "full").json["rules"]
    assert (rule["category"], rule["expr"]) == ("custom", 'disk{a="[bold]x"} < 1')
    assert 'reads disk{a="[bold]x"} < 1' in run("rules", "full", "--output=table").out
    assert "[bold]x" in run("rules", "--output", "table").out


def test_packs_are_told_whether_in_use_or_not(run: Run) -> None:
    packs = {pack["name"]: pack for pack in run("rules").json["packs"]}
    assert not packs["ipmi"]["listed"]
    assert packs["ipmi"]["parameters"]["inlet_celsius"] == "35"
    assert "ipmi_fan_stopped" in packs["ipmi"]["rules"]
    assert "\n  ipmi " in run("rules", "--output", "table").out


def test_a_rule_of_a_pack_in_use_is_told_like_any_other(run: Run) -> None:
    Path("gpuwatch.yaml").write_text("rule_packs: [ipmi]\n")
    assert next(p for p in run("rules").json["packs"] if p["name"] == "ipmi")["listed"]
    (rule,) = run("rules", "ipmi_psu_failed").json["rules"]
    assert (rule["pack"], rule["hold"], rule["category"]) == ("ipmi", "2m", "power")
    assert rule["summary"] == "A power supply failed."
    page = run("rules", "ipmi_psu_failed", "--output", "table").out
    assert "under rules.ipmi_psu_failed" in page
    assert 'ipmi_sensor_state{type="Power Supply"} == 2' in page
    for heading in ("What", "Why", "First response", "Source"):
        assert f"\n{heading}" in page


def test_a_rule_of_a_pack_that_is_off_says_where_it_is(run: Run) -> None:
    ran = run("rules", "ipmi_psu_failed")
    assert (ran.code, ran.out) == (2, "")
    assert "it is in the rule pack ipmi: add that to rule_packs" in ran.err


@pytest.mark.parametrize("name", sorted(builtin_rules()))
def test_every_rule_fits_80_columns(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    page = run("rules", name, "--output", "table").out
    assert max(map(len, page.splitlines())) <= 80
    assert "…" not in page
