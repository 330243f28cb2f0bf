"""`gpuwatch check`: one look, no store."""

from __future__ import annotations

from typing import Annotated

import typer

from gpuwatch.cli.options import (
    ConfigOption,
    Output,
    OutputOption,
    chosen,
    settings_from,
)
from gpuwatch.cli.printing import print_json

app = typer.Typer()
CLEAN, FOUND, BLIND = 0, 1, 2


@app.command()
def check(
    config: ConfigOption = None,
    prometheus_url: Annotated[
        str | None, typer.Option(help="Look at this Prometheus instead.")
    ] = None,
    output: OutputOption = None,
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial", help="Exit 0 although a whole category sees nothing."
        ),
    ] = False,
) -> None:
    """Look once and say what is wrong now, and what cannot be seen.

    Each rule is judged with its own look-back, so a fault that has lasted long enough
    is firing at once. Nothing is stored and nobody is told.

    Exit 1: an incident of warning or above. Else 2: a cluster is blind, or a whole
    category (clocks and heat, memory, XID, presence) has no rule that can judge.
    Else 0.
    """
    from gpuwatch.cli import tables  # noqa: PLC0415  slow to import
    from gpuwatch.incidents.record import document  # noqa: PLC0415
    from gpuwatch.look import look_once  # noqa: PLC0415

    looks = look_once(settings_from(config, prometheus_url))
    incidents = [incident for look in looks for incident in look.open_incidents]
    if chosen(output) is Output.JSON:
        print_json(document(incidents))
        for line in (line for look in looks for line in look.complaints):
            typer.echo(line, err=True)
    else:
        tables.show_looks(looks)
    if any(look.alarming for look in looks):
        raise typer.Exit(FOUND)
    if any(look.blind_reason for look in looks):
        raise typer.Exit(BLIND)
    if any(look.blind_categories for look in looks) and not allow_partial:
        raise typer.Exit(BLIND)
