"""Rule packs: `custom_rules` that come with gpuwatch, off unless listed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from gpuwatch.model.severity import Category
from gpuwatch.settings.base import Section
from gpuwatch.settings.custom_rule import CustomRuleSettings
from gpuwatch.settings.yaml_file import read_yaml

FILLED_IN = ("expr", "present", "summary", "action", "what")


class PackRule(CustomRuleSettings):
    """A rule of a pack: a custom rule with its documentation."""

    title: str = Field(min_length=1, description="what it looks for, one sentence")
    category: Category = Field(Category.CUSTOM, description="kind of trouble")
    what: str = Field(min_length=1, description="when it fires")
    why: str = Field(min_length=1, description="why it matters")
    source: str = Field(min_length=1, description="where its threshold is from")

    @property
    def documentation(self) -> str:
        """In the form of a rule's docstring."""
        return (
            f"{self.title}\n\nWhat: {self.what}\n\nWhy: {self.why}\n\n"
            f"First response: {self.action}\n\nSource: {self.source}"
        )


class PackParameter(Section):
    """Something in a pack that a site may set, filled in for `${name}`."""

    default: str = Field(description="value unless set")
    meaning: str = Field(description="what it is")


class RulePack(Section):
    """One file of `gpuwatch/rulepacks/`."""

    about: str = Field(description="what it watches")
    needs: str = Field(description="which exporter it reads")
    parameters: dict[str, PackParameter] = Field(
        default_factory=dict, description="what a site may set"
    )
    rules: tuple[PackRule, ...] = Field(min_length=1, description="its rules")


class RulePackSettings(Section):
    """A pack that is in use, and what the site sets in it."""

    name: str = Field(description="infiniband, roce, efa, nvswitch, ipmi, ...")
    set: dict[str, str] = Field(
        default_factory=dict, description="its parameters, as docs/rule-packs.md lists"
    )

    @model_validator(mode="after")
    def _exists(self) -> Self:
        packs = rule_packs()
        if self.name not in packs:
            hint = _near(self.name, packs)
            raise ValueError(f"there is no rule pack {self.name!r}; {hint}")
        known = packs[self.name].parameters
        for key in self.set:
            if key not in known:
                hint = _near(key, known)
                raise ValueError(f"the pack {self.name} has no {key!r}; {hint}")
        return self

    @property
    def rules(self) -> tuple[PackRule, ...]:
        """The pack's rules with the site's values filled in."""
        pack = rule_packs()[self.name]
        values = {name: p.default for name, p in pack.parameters.items()} | self.set
        return tuple(_filled(rule, values) for rule in pack.rules)


def _entries(value: object) -> object:
    """`a,b` or `[a, {name: b, set: {...}}]` as mappings."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple):
        return value
    return [{"name": one} if isinstance(one, str) else one for one in value]


RulePacks = Annotated[
    tuple[RulePackSettings, ...],
    BeforeValidator(
        _entries, json_schema_input_type=list[str | RulePackSettings] | str
    ),
]


@cache
def rule_packs() -> Mapping[str, RulePack]:
    """All packs by name, in alphabetical order."""
    folder = Path(str(resources.files("gpuwatch").joinpath("rulepacks")))
    return {
        path.stem: RulePack(**read_yaml(path)) for path in sorted(folder.glob("*.yaml"))
    }


def _filled(rule: PackRule, values: Mapping[str, str]) -> PackRule:
    filled: dict[str, Any] = {
        name: Template(" ".join(getattr(rule, name).split())).safe_substitute(values)
        for name in FILLED_IN
    }
    return rule.model_copy(update=filled)


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"use one of {', '.join(known)}" if known else "it has nothing to set"
