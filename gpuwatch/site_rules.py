"""The rules of a site: built in, of third parties, and of its own PromQL."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from pydantic import ValidationError

from gpuwatch.engine.promql_rule import promql_rule
from gpuwatch.errors import ConfigError, guarded
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.ports import CustomQuery
from gpuwatch.rules import builtin_rules
from gpuwatch.settings import CustomRuleSettings, Settings
from gpuwatch.telemetry import report

RULE_GROUP = "gpuwatch.rules"


def known_rules() -> dict[str, type[Rule]]:
    """Built-in rules and those that other packages announce.

    A plug-in that cannot be loaded is reported and left out; the daemon goes on.
    """
    found = builtin_rules()
    for entry in entry_points(group=RULE_GROUP):
        with guarded(f"plug-in {entry.name}", report):
            rule: type[Rule] = entry.load()
            found.setdefault(rule.name, rule)
    return found


def configured_rules(settings: Settings) -> list[Rule]:
    """All rules with the site's parameters; ConfigError names the wrong key."""
    known = known_rules()
    for name in settings.rules:
        if name not in known:
            raise ConfigError(
                f"rules.{name}", "there is no such rule", _near(name, known)
            )
    rules = [
        _configured(rule, settings.rules.get(name, {})) for name, rule in known.items()
    ]
    return rules + [_custom(entry, known) for entry in settings.custom_rules]


def custom_queries(settings: Settings) -> tuple[CustomQuery, ...]:
    """What custom rules ask."""
    return tuple(
        CustomQuery(rule.name, rule.expr, rule.present)
        for rule in settings.custom_rules
    )


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}`gpuwatch rules` lists them"


def _configured(rule: type[Rule], values: dict[str, Any]) -> Rule:
    try:
        return rule.configured(values)
    except ValidationError as error:
        raise _as_config_error(rule, error) from None


def _as_config_error(rule: type[Rule], error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(["rules", rule.name, *(str(part) for part in first["loc"])])
    value = first.get("input")
    if first["type"] == "extra_forbidden":
        known = ", ".join(rule.Params.model_fields)
        return ConfigError(key, "unknown parameter", f"it has {known}")
    problem = str(first["msg"]).removeprefix("Value error, ")
    return ConfigError(
        key, f"{value!r}: {problem}", f"see `gpuwatch rules {rule.name}`"
    )


def _custom(entry: CustomRuleSettings, known: Mapping[str, object]) -> Rule:
    if entry.name in known:
        key = f"custom_rules.{entry.name}"
        raise ConfigError(key, "a built-in rule has that name", "choose another")
    params = RuleParams(
        severity=entry.severity,
        hold=entry.hold,
        keep_firing=entry.keep_firing,
        notify=entry.notify,
    )
    return promql_rule(entry.name, entry.summary, entry.action, params)
