"""What holds for every pack: it loads, documents itself, and never says OK blindly."""

import re

import pytest

from gpuwatch.rules import builtin_rules
from gpuwatch.settings import PackRule, Settings, rule_packs
from gpuwatch.site_rules import configured_rules, custom_queries
from tests.rulepacks.nodes import Nodes, told
from tests.sources.conftest import MakeSite

PACKS = rule_packs()
RULES = [(name, rule) for name, pack in PACKS.items() for rule in pack.rules]
every_rule = pytest.mark.parametrize(
    ("pack", "rule"), RULES, ids=[rule.name for _, rule in RULES]
)


def test_the_packs() -> None:
    assert list(PACKS) == [
        "checkpoint", "efa", "host", "infiniband", "ipmi", "nvswitch", "redfish",
        "roce",
    ]  # fmt: skip


def test_names_are_unique_and_new() -> None:
    names = [rule.name for _, rule in RULES]
    assert len(set(names)) == len(names)
    assert set(names) & set(builtin_rules()) == set()


@every_rule
def test_a_rule_is_documented_and_guarded(pack: str, rule: PackRule) -> None:
    assert rule.present, "absent must be unknown"
    assert rule.action
    assert rule.summary
    assert rule.severity.word in ("info", "warning")
    assert rule.title.endswith(".")
    assert len(rule.summary.split()) <= 10
    assert "{node}" not in rule.summary, "the card names the place"
    assert pack in PACKS


@every_rule
def test_every_blank_is_filled_in(pack: str, rule: PackRule) -> None:
    known = {f"${{{name}}}" for name in PACKS[pack].parameters}
    used = set(re.findall(r"\$\{\w+\}", f"{rule.expr} {rule.present} {rule.what}"))
    assert used <= known
    settings = Settings(rule_packs=pack)
    (query,) = [q for q in custom_queries(settings) if q.name == rule.name]
    assert "${" not in query.expr + query.present
    assert "\n" not in query.expr


@pytest.mark.parametrize("pack", PACKS)
def test_without_the_exporter_all_is_unknown(site: MakeSite, pack: str) -> None:
    assert set(told(site, Nodes(), pack).values()) == {None}


@pytest.mark.parametrize("pack", PACKS)
def test_a_packs_parameters_are_used(pack: str) -> None:
    text = " ".join(rule.expr for rule in PACKS[pack].rules)
    assert all(f"${{{name}}}" in text for name in PACKS[pack].parameters)


def test_a_packs_rule_has_its_documentation_and_category() -> None:
    settings = Settings(rule_packs="ipmi")
    (rule,) = [r for r in configured_rules(settings) if r.name == "ipmi_psu_failed"]
    assert rule.documentation().startswith("A power supply failed.\n\nWhat: The BMC")
    assert (rule.category, rule.params.hold) == ("power", 120.0)
