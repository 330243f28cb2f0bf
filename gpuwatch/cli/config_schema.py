"""The configuration's JSON Schema, rules included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gpuwatch.cli.rule_facts import described, headline, is_duration, spelled
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Severity
from gpuwatch.settings import Settings

DURATION: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "number"}]}
SEVERITY: dict[str, Any] = {"enum": [severity.word for severity in Severity]}


def config_schema(rules: Mapping[str, type[Rule]]) -> dict[str, Any]:
    """What gpuwatch.yaml may hold; `rules` takes these rules and no others."""
    schema = Settings.model_json_schema()
    kinds = schema["$defs"]
    own = schema["properties"].pop("rules")
    custom = kinds["CustomRuleSettings"]["properties"]
    custom["severity"] |= {**SEVERITY, "default": Severity.WARNING.word}
    schema["properties"]["rules"] = {
        "type": "object",
        "description": own["description"],
        "additionalProperties": False,
        "properties": {name: _rule(rule, kinds) for name, rule in rules.items()},
    }
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **schema, "title": "gpuwatch.yaml"}


def _rule(rule: type[Rule], kinds: dict[str, Any]) -> dict[str, Any]:
    """One rule's parameters as people write them: words and 15s, not numbers."""
    schema = rule.Params.model_json_schema()
    kinds.update(schema.pop("$defs", {}))
    found = schema["properties"]
    for name, field in rule.Params.model_fields.items():
        default = spelled(name, field, field.default)
        told = {"description": described(name, field), "default": default}
        if field.annotation is Severity:
            found[name] = SEVERITY | told
        elif is_duration(name, field):
            found[name] = DURATION | told
        else:
            found[name] |= told
    return schema | {"title": rule.name, "description": headline(rule)}
