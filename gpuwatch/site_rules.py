"""The rules of a site: built in, of third parties, and of its own PromQL."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

from pydantic import Field, ValidationError, create_model

from gpuwatch.engine.promql_rule import Spoken, promql_rule
from gpuwatch.errors import ConfigError, guarded
from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Notify, Severity
from gpuwatch.ports import CustomQuery
from gpuwatch.rules import builtin_rules
from gpuwatch.settings import CustomRuleSettings, PackRule, Settings, rule_packs
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
    own = {entry.name: promql_type(entry) for entry in custom_entries(settings)}
    for name in own:
        if name in known:
            key = f"custom_rules.{name}"
            raise ConfigError(key, "a built-in rule has that name", "choose another")
    every = {**known, **own}
    for name in settings.rules:
        if name not in every:
            raise ConfigError(
                f"rules.{name}", "there is no such rule", _near(name, every)
            )
    return [
        _configured(rule, settings.rules.get(name, {})) for name, rule in every.items()
    ]


def custom_entries(settings: Settings) -> tuple[CustomRuleSettings, ...]:
    """The site's own PromQL rules, and those of its packs that it has not replaced."""
    mine = {entry.name for entry in settings.custom_rules}
    packed = [
        entry
        for pack in settings.rule_packs
        for entry in pack.rules
        if entry.name not in mine
    ]
    return (*packed, *settings.custom_rules)


def promql_type(entry: CustomRuleSettings) -> type[Rule]:
    """A rule of its own kind, whose defaults are what the entry says."""
    params: type[RuleParams] = create_model(
        f"Params_{entry.name}",
        __base__=RuleParams,
        severity=(Severity, entry.severity),
        hold=(Seconds, Field(entry.hold, ge=0)),
        keep_firing=(Seconds, Field(entry.keep_firing, ge=0)),
        notify=(Notify, entry.notify),
    )
    spoken = Spoken(entry.name, entry.summary, entry.action)
    if isinstance(entry, PackRule):
        spoken = replace(
            spoken, documentation=entry.documentation, category=entry.category
        )
    return promql_rule(spoken, params)


def custom_queries(settings: Settings) -> tuple[CustomQuery, ...]:
    """What custom rules ask."""
    return tuple(
        CustomQuery(rule.name, rule.expr, rule.present)
        for rule in custom_entries(settings)
        if settings.rules.get(rule.name, {}).get("enabled", True) is not False
    )


def _near(name: str, known: Mapping[str, object]) -> str:
    if pack := pack_of(name):
        return f"it is in the rule pack {pack}: add that to rule_packs"
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


def pack_rules() -> dict[str, type[Rule]]:
    """The rules of all packs by name, whether in use or not."""
    packs = rule_packs().values()
    return {entry.name: promql_type(entry) for pack in packs for entry in pack.rules}


def pack_of(rule: str) -> str:
    """The name of the rule pack that holds a rule, or nothing."""
    return next(
        (
            name
            for name, pack in rule_packs().items()
            if any(entry.name == rule for entry in pack.rules)
        ),
        "",
    )
