"""`rule_packs`: how they are listed, set, replaced and switched off."""

from pathlib import Path
from typing import Any

import pytest

from gpuwatch.errors import ConfigError
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Severity
from gpuwatch.settings import Settings, load_settings
from gpuwatch.site_rules import configured_rules, custom_queries


def loaded(folder: Path, text: str, **environ: str) -> Settings:
    file = folder / "gpuwatch.yaml"
    file.write_text(text)
    return load_settings(file, {"HOME": str(folder), **environ})


def rules(settings: Settings) -> dict[str, Rule]:
    return {rule.name: rule for rule in configured_rules(settings)}


def exprs(settings: Settings) -> dict[str, str]:
    return {query.name: query.expr for query in custom_queries(settings)}


def test_off_unless_listed(tmp_path: Path) -> None:
    assert "ib_link_flapping" not in rules(loaded(tmp_path, ""))
    found = rules(loaded(tmp_path, "rule_packs: [infiniband, efa]"))
    assert found["ib_link_flapping"].params.hold == 60.0
    assert "efa_receive_drops" in found
    assert "ipmi_silent" not in found


def test_by_environment(tmp_path: Path) -> None:
    found = rules(loaded(tmp_path, "", GPUWATCH_RULE_PACKS="ipmi,host"))
    assert {"ipmi_silent", "host_clock_off"} <= set(found)


def test_with_values_of_the_site(tmp_path: Path) -> None:
    text = "rule_packs: [efa, {name: checkpoint, set: {mountpoint: /ckpt}}]"
    expr = exprs(loaded(tmp_path, text))["checkpoint_disk_full"]
    assert 'node_filesystem_avail_bytes{mountpoint=~"/ckpt"}' in expr


def test_a_rule_is_set_or_switched_off_by_name(tmp_path: Path) -> None:
    text = (
        "rule_packs: [ipmi]\n"
        "rules:\n"
        "  ipmi_fan_slow: {enabled: false}\n"
        "  ipmi_psu_failed: {severity: critical, hold: 10m}\n"
    )
    settings = loaded(tmp_path, text)
    found = rules(settings)
    assert not found["ipmi_fan_slow"].params.enabled
    assert "ipmi_fan_slow" not in exprs(settings)
    params = found["ipmi_psu_failed"].params
    assert (params.severity, params.hold) == (Severity.CRITICAL, 600.0)


def test_a_custom_rule_of_that_name_replaces_it(tmp_path: Path) -> None:
    text = "rule_packs: [ipmi]\ncustom_rules: [{name: ipmi_psu_failed, expr: my_psu}]"
    settings = loaded(tmp_path, text)
    assert exprs(settings)["ipmi_psu_failed"] == "my_psu"
    assert rules(settings)["ipmi_psu_failed"].params.hold == 15.0
    assert "ipmi_fan_stopped" in exprs(settings)


def test_custom_rules_too_can_be_set_by_name(tmp_path: Path) -> None:
    text = "custom_rules: [{name: mine, expr: up == 0}]\nrules: {mine: {hold: 1h}}"
    assert rules(loaded(tmp_path, text))["mine"].params.hold == 3600.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rule_packs: [ipmy]",
            "rule_packs[0]: there is no rule pack 'ipmy'; did you mean ipmi?",
        ),
        (
            "rule_packs: [{name: checkpoint, set: {mountpont: a}}]",
            (
                "rule_packs[0]: the pack checkpoint has no 'mountpont'; "
                "did you mean mountpoint?"
            ),
        ),
        (
            "rule_packs: [{name: efa, set: {a: b}}]",
            "rule_packs[0]: the pack efa has no 'a'; it has nothing to set",
        ),
        (
            "rule_packs: [ipmi, ipmi]",
            "configuration: rule_packs lists 'ipmi' twice; keep one",
        ),
        (
            "rules: {ipmi_silent: {hold: 1h}}",
            (
                "rules.ipmi_silent: there is no such rule; "
                "it is in the rule pack ipmi: add that to rule_packs"
            ),
        ),
        (
            "rule_packs: [ipmi]\nrules: {ipmi_silent: {holt: 1h}}",
            (
                "rules.ipmi_silent.holt: unknown parameter; "
                "it has enabled, severity, hold, keep_firing, notify"
            ),
        ),
    ],
)
def test_refusals(tmp_path: Path, text: str, message: str) -> None:
    def build() -> Any:
        return configured_rules(loaded(tmp_path, text))

    with pytest.raises(ConfigError) as refused:
        build()
    assert str(refused.value) == message
