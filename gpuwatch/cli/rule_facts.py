"""A rule as facts: what the table, the page and the JSON of `rules` are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo

from gpuwatch.model.duration import parse_duration, spell_duration
from gpuwatch.model.metric import catalogue
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Severity
from gpuwatch.model.window import Read

COMMON: Mapping[str, str] = {
    "enabled": "false switches the rule off",
    "severity": "info, warning or critical",
    "hold": "must be bad this long",
    "keep_firing": "must be clean this long to recover",
    "notify": "how loud: off, digest, channel or page",
}
_HEADING = re.compile(r"^(What|Why|First response|Source): ", re.MULTILINE)


def headline(rule: Rule | type[Rule]) -> str:
    """The first sentence of a rule's documentation: what it looks for."""
    return rule.documentation().partition("\n")[0].strip()


def paragraphs(documentation: str) -> dict[str, str]:
    """By heading (What, Why, First response, Source), each on one line."""
    parts = _HEADING.split(documentation)[1:]
    return {
        heading: " ".join(text.split())
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }


def exporter_fields(metric: str) -> tuple[str, ...]:
    """The names by which exporters know a metric, the usual one first."""
    found = catalogue().get(metric)
    return tuple(source.name for source in found.names) if found else ()


def spelled(name: str, field: FieldInfo, value: object) -> object:
    """A parameter's value as configuration writes it."""
    if isinstance(value, Severity):
        return value.word
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float) and is_duration(name, field):
        return spell_duration(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_duration(name: str, field: FieldInfo) -> bool:
    """Whether a setting is a duration, kept in seconds and written like 15s."""
    parses = (getattr(part, "func", None) is parse_duration for part in field.metadata)
    return name in ("hold", "keep_firing") or any(parses)


def written(value: object) -> str:
    """The same on one line, as YAML's flow style reads it back."""
    return json.dumps(value) if not isinstance(value, str) else value


def record(rule: Rule, expr: str = "", pack: str = "") -> dict[str, Any]:
    """The rule in JSON types; `expr` is the PromQL of a custom rule or a pack's."""
    values = {p["name"]: p["value"] for p in parameters(rule)}
    return {
        "name": rule.name,
        "category": rule.category.value,
        "scope": rule.scope.value,
        "kind": rule.kind.value,
        **{name: values[name] for name in COMMON},
        "summary": headline(rule),
        "documentation": rule.documentation(),
        "reads": [_read(read) for read in rule.reads],
        "expr": expr or None,
        "pack": pack or None,
        "yields_to": list(rule.yields_to),
        "statistical": rule.statistical,
        "parameters": parameters(rule),
    }


def parameters(rule: Rule) -> list[dict[str, Any]]:
    """Name, value, default and meaning; durations as configuration writes them."""
    found = []
    for name, field in type(rule.params).model_fields.items():
        default = field.get_default(call_default_factory=True)
        found.append(
            {
                "name": name,
                "value": spelled(name, field, getattr(rule.params, name)),
                "default": spelled(name, field, default),
                "description": described(name, field),
            }
        )
    return found


def described(name: str, field: FieldInfo) -> str:
    """What a parameter means."""
    return field.description or COMMON.get(name, "")


def common_first(params: type[RuleParams]) -> Mapping[str, FieldInfo]:
    """A rule's parameters: those that all rules have, then its own."""
    fields = params.model_fields
    own = {name: field for name, field in fields.items() if name not in COMMON}
    return {name: fields[name] for name in COMMON} | own


def _read(read: Read) -> dict[str, Any]:
    return {
        "metric": read.metric,
        "required": read.required,
        "window": spell_duration(read.window_seconds),
        "exporter_fields": list(exporter_fields(read.metric)),
    }
