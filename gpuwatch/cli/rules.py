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
from gpuwatch.settings import Settings

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
    found = _records(settings_from(config))
    if name is not None and name not in found:
        remedy = did_you_mean(name, found, "`gpuwatch rules` lists them")
        raise ConfigError(name, "there is no such rule", remedy)
    shown = list(found.values()) if name is None else [found[name]]
    if chosen(output) is Output.JSON:
        print_json({"rules": shown})
        return
    from gpuwatch.cli import rule_tables  # noqa: PLC0415  slow to import

    if name is None:
        rule_tables.show_list(shown)
    else:
        rule_tables.show_one(shown[0])


def _records(settings: Settings) -> Mapping[str, dict[str, Any]]:
    """Each rule as JSON; a wrong parameter must not hide the help on it."""
    from gpuwatch.cli.rule_facts import record  # noqa: PLC0415  slow to import
    from gpuwatch.site_rules import configured_rules  # noqa: PLC0415

    exprs = {custom.name: custom.expr for custom in settings.custom_rules}
    try:
        rules = configured_rules(settings)
    except ConfigError as error:
        typer.echo(f"gpuwatch: {error} (defaults are shown)", err=True)
        without = settings.model_copy(update={"rules": {}, "custom_rules": ()})
        rules = configured_rules(without)
    return {rule.name: record(rule, exprs.get(rule.name, "")) for rule in rules}
