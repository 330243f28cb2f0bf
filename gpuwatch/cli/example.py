"""`gpuwatch.example.yaml`: every setting, made from the settings' own descriptions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gpuwatch.cli.example_values import ALTERNATIVES, DEFAULTS, EXAMPLES
from gpuwatch.cli.rule_facts import common_first, described, headline, spelled
from gpuwatch.model.rule import Rule
from gpuwatch.settings import Settings

HEAD = """\
# Everything that gpuwatch can be told. This file loads as it is, and says nothing but
# the defaults: to change something take the # away and write your own value.
# Where it says "not set", the value shown is only an example.
#
# Any key can also be a variable: GPUWATCH_SLACK__TOKEN is slack.token. Durations are
# written like 15s, 5m or 1h30m. `gpuwatch config check` says whether all is well.
"""
WIDTH, TEXT_COLUMN = 88, 40
Lines = Iterator[str]


def example_yaml(rules: Mapping[str, type[Rule]]) -> str:
    """The whole file; `rules` by name."""
    lines = [HEAD]
    for name, field in Settings.model_fields.items():
        if name == "rules":
            lines += ["", f"# {field.description}", "rules:", *_rules(rules)]
        else:
            lines += ["", *_top(name, field)]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _top(name: str, field: FieldInfo) -> Lines:
    section = _section(field)
    if section is None:
        yield from _setting(name, field, name, "#")
        return
    yield f"# {field.description}"
    yield f"{name}:"
    if name in ("custom_rules", "rule_packs"):
        yield from _item(section, name)
    else:
        yield from _settings(section, name, "  #")


def _settings(section: type[BaseModel], path: str, margin: str) -> Lines:
    """All keys of a section, each line behind the margin, which ends in `#`."""
    for name, field in section.model_fields.items():
        key = field.alias or name
        inner = _section(field)
        place = f"{path}.{key}"
        if inner is None:
            deeper = "#" if place in ALTERNATIVES else ""
            yield from _setting(key, field, place, margin + deeper)
        else:
            yield from _block(key, field, margin)
            yield from _settings(inner, place, f"{margin}  ")


def _item(section: type[BaseModel], path: str) -> Lines:
    """One list item: the first key behind a dash, the others below it."""
    first, *others = _settings(section, path, "  #  ")
    yield first.replace("#  ", "#- ", 1)
    yield from others


def _block(key: str, field: FieldInfo, margin: str) -> Lines:
    yield _line(f"{margin}{key}:", field.description or "")


def _setting(key: str, field: FieldInfo, path: str, margin: str) -> Lines:
    value = spelled(key, field, field.get_default(call_default_factory=False))
    text = f"{margin}{key}: {_flow(EXAMPLES.get(path, value))}"
    meaning = _meaning(field, path)
    line = _line(text, meaning)
    if len(line) <= WIDTH:
        yield line
        return
    # prose inside a commented block stays a comment when the block is none any more
    prose = margin if margin.endswith(" ") else margin[:-1]
    for part in textwrap.wrap(meaning, WIDTH - len(prose) - 2):
        yield f"{prose}# {part}"
    yield text


def _meaning(field: FieldInfo, path: str) -> str:
    told = field.description or ""
    defaulted = path not in EXAMPLES or field.is_required() or path in DEFAULTS
    return told if defaulted or "default:" in told else f"not set; {told}"


def _line(setting: str, meaning: str) -> str:
    return f"{setting:<{TEXT_COLUMN}}  # {meaning}" if meaning else setting


def _flow(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=1000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    """The section that stands under a key, if one does."""
    for kind in (field.annotation, *_inner(field.annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _inner(annotation: Any) -> Iterator[Any]:
    for argument in get_args(annotation):
        yield argument
        yield from _inner(argument)


def _rules(rules: Mapping[str, type[Rule]]) -> Lines:
    for name, rule in rules.items():
        yield f"  # {headline(rule)}"
        yield f"  #{name}:"
        for key, field in common_first(rule.Params).items():
            value = spelled(key, field, field.get_default(call_default_factory=True))
            text = f"  #  {key}: {_flow(value)}"
            yield _line(text, described(key, field))
