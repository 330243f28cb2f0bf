"""`gpuwatch config`: check, print or describe the configuration."""

from __future__ import annotations

import os

import typer

from gpuwatch.cli.options import ConfigOption
from gpuwatch.cli.printing import print_json

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Check, print or describe the configuration.\n\n"
    "Start with: gpuwatch config example > gpuwatch.yaml",
)


@app.command()
def check(config: ConfigOption = None) -> None:
    """Read the configuration as `run` would, and say what comes of it.

    The file, GPUWATCH_* variables, secret files, and every rule's own parameters are
    checked. Exit 2 with one line that names key, value and remedy, else 0. Nothing
    is contacted: that is what `gpuwatch doctor` does.

    Example: gpuwatch config check --config /etc/gpuwatch/gpuwatch.yaml
    """
    from gpuwatch.app import build_sources  # noqa: PLC0415  slow to import
    from gpuwatch.cli.summary import summary  # noqa: PLC0415
    from gpuwatch.settings import load_settings  # noqa: PLC0415
    from gpuwatch.settings.places import config_file  # noqa: PLC0415
    from gpuwatch.site_rules import configured_rules  # noqa: PLC0415

    settings = load_settings(config, os.environ)
    rules = configured_rules(settings)
    for source in build_sources(settings):  # looks for certificates, reads regexes
        source.close()
    file = config_file(config, os.environ)
    lines = summary(settings, rules)
    typer.echo(f"ok: {file or 'no file, defaults and GPUWATCH_* variables'}")
    for name, text in lines:
        typer.echo(f"  {name:<10} {text}")


@app.command()
def example() -> None:
    """Print a complete configuration, every line of it at its default.

    It loads as it is. To change something take the `#` away, from the line and from
    those that hold it, and write your own value.

    Example: gpuwatch config example > gpuwatch.yaml
    """
    from gpuwatch.cli.example import example_yaml  # noqa: PLC0415  slow to import
    from gpuwatch.site_rules import known_rules  # noqa: PLC0415

    typer.echo(example_yaml(known_rules()), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration, for editors that check YAML.

    Rules' own parameters are part of it. In VS Code (YAML extension) put this first
    into gpuwatch.yaml: `# yaml-language-server: $schema=gpuwatch.schema.json`

    Example: gpuwatch config schema > gpuwatch.schema.json
    """
    from gpuwatch.cli.config_schema import config_schema  # noqa: PLC0415  slow to import
    from gpuwatch.site_rules import known_rules, pack_rules  # noqa: PLC0415

    print_json(config_schema({**known_rules(), **pack_rules()}))
