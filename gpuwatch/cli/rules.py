"""`gpuwatch rules`: what is looked for, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gpuwatch.cli.nearest import did_you_mean
from gpuwatch.cli.options import (
    ConfigOption,
    Output,
    OutputOption,
    chosen,
    settings_from,
)
from gpuwatch.cli.printing import print_json
from gpuwatch.errors import ConfigError
from gpuwatch.settings import Settings, rule_packs

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.command()
def rules(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Tell all about this rule.")
    ] = None,
    config: ConfigOption = None,
    output: OutputOption = None,
) -> None:
    """What is looked for, and why; with NAME all about one rule.

    Shows each rule as your configuration sets it: severity, hold, whether it is on,
    and the metrics that it reads. `gpuwatch doctor` says which of these are missing.

    Example: gpuwatch rules thermal_slowdown
    """
    settings = settings_from(config)
    found = _records(settings)
    if name is not None and name not in found:
        raise ConfigError(name, "there is no such rule", _remedy(name, found))
    shown = list(found.values()) if name is None else [found[name]]
    if chosen(output) is Output.JSON:
        print_json({"rules": shown, "packs": _packs(settings)})
        return
    from gpuwatch.cli import rule_tables  # noqa: PLC0415  slow to import

    if name is None:
        rule_tables.show_list(shown, _packs(settings))
    else:
        rule_tables.show_one(shown[0])


def _records(settings: Settings) -> Mapping[str, dict[str, Any]]:
    """Each rule as JSON; a wrong parameter must not hide the help on it."""
    from gpuwatch.cli.rule_facts import record  # noqa: PLC0415  slow to import
    from gpuwatch.site_rules import configured_rules, custom_entries  # noqa: PLC0415

    exprs = {custom.name: custom.expr for custom in custom_entries(settings)}
    packs = _pack_of_each(settings)
    try:
        rules = configured_rules(settings)
    except ConfigError as error:
        typer.echo(f"gpuwatch: {error} (defaults are shown)", err=True)
        without = settings.model_copy(update={"rules": {}, "custom_rules": ()})
        rules = configured_rules(without)
    return {
        rule.name: record(rule, exprs.get(rule.name, ""), packs.get(rule.name, ""))
        for rule in rules
    }


def _pack_of_each(settings: Settings) -> Mapping[str, str]:
    """The pack of each rule that is from one, and was not replaced by the site's."""
    mine = {entry.name for entry in settings.custom_rules}
    return {
        entry.name: pack.name
        for pack in settings.rule_packs
        for entry in pack.rules
        if entry.name not in mine
    }


def _packs(settings: Settings) -> list[dict[str, Any]]:
    """All rule packs in JSON types, whether in use or not."""
    listed = {pack.name for pack in settings.rule_packs}
    return [
        {
            "name": name,
            "listed": name in listed,
            "about": pack.about,
            "needs": pack.needs,
            "parameters": {k: p.default for k, p in pack.parameters.items()},
            "rules": [rule.name for rule in pack.rules],
        }
        for name, pack in rule_packs().items()
    ]


def _remedy(name: str, found: Mapping[str, object]) -> str:
    from gpuwatch.site_rules import pack_of  # noqa: PLC0415  slow to import

    if pack := pack_of(name):
        return f"it is in the rule pack {pack}: add that to rule_packs"
    return did_you_mean(name, found, "`gpuwatch rules` lists them")
