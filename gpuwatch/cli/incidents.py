"""`gpuwatch incidents`: list, show, acknowledge, close."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from gpuwatch.cli.asking import ByOption, CommentOption, leave, refuse_early
from gpuwatch.cli.nearest import did_you_mean
from gpuwatch.cli.options import (
    ConfigOption,
    Output,
    OutputOption,
    chosen,
    settings_from,
)
from gpuwatch.cli.printing import print_json
from gpuwatch.cli.remote import Asked, Desk, Record, desk
from gpuwatch.errors import ConfigError
from gpuwatch.model.request import RequestKind

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")

MOST = 200
AllOption = Annotated[bool, typer.Option("--all", help="Ended ones too.")]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")]


@app.callback(invoke_without_command=True)
def incidents(
    ctx: typer.Context,
    every: AllOption = False,
    limit: LimitOption = MOST,
    config: ConfigOption = None,
    output: OutputOption = None,
) -> None:
    """Incidents: without a command the open ones are listed.

    Asks the running daemon, else reads its store. What you ask for (ack, close) is
    taken up by the daemon's next cycle.

    Example: gpuwatch incidents ack gw-0123456789 --comment "fan ordered"
    """
    if ctx.invoked_subcommand is None:
        list_(every, limit, config, output)
        return
    few = limit != MOST
    early = {"--all": every, "--limit": few, "--config": config, "--output": output}
    refuse_early(ctx.invoked_subcommand, early)


@app.command("list")
def list_(
    every: AllOption = False,
    limit: LimitOption = MOST,
    config: ConfigOption = None,
    output: OutputOption = None,
) -> None:
    """List open incidents, the newest first; with --all ended ones too.

    Example: gpuwatch incidents list --all --limit 20
    """
    with desk(settings_from(config)) as asked:
        found = asked.incidents(every=every, limit=limit)
        name = asked.name
    if chosen(output) is Output.JSON:
        print_json({"incidents": list(found)})
        return
    from gpuwatch.cli.record_tables import show_incidents  # noqa: PLC0415  slow

    show_incidents(found, name, every=every)


@app.command()
def show(
    incident_id: IdArgument, config: ConfigOption = None, output: OutputOption = None
) -> None:
    """Show one incident with its evidence and its story.

    Example: gpuwatch incidents show gw-0123456789
    """
    with desk(settings_from(config)) as asked:
        found = _known(asked, incident_id)
    if chosen(output) is Output.JSON:
        print_json(found)
        return
    from gpuwatch.cli.record_tables import show_incident  # noqa: PLC0415  slow

    show_incident(found)


@app.command()
def ack(
    incident_id: IdArgument,
    comment: CommentOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
) -> None:
    """Say that somebody has it in hand: no reminders until it gets worse or wider.

    Example: gpuwatch incidents ack gw-0123456789 --comment "draining node-17"
    """
    _ask(RequestKind.ACK, incident_id, comment, by, config)


@app.command()
def close(
    incident_id: IdArgument,
    comment: CommentOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
) -> None:
    """End an incident by hand, such as an XID whose GPU was replaced unseen.

    What still fires then comes back as a new incident.

    Example: gpuwatch incidents close gw-0123456789 --comment "board replaced"
    """
    _ask(RequestKind.CLOSE, incident_id, comment, by, config)


def _ask(
    kind: RequestKind, incident_id: str, comment: str, by: str, config: Any
) -> None:
    with desk(settings_from(config)) as asked:
        found = _known(asked, incident_id)
        if found["state"] == "resolved":
            ended = f"has ended ({found['ending'] or 'resolved'})"
            raise ConfigError(incident_id, ended, "there is nothing to do")
        leave(asked, Asked(kind, by, found["id"], comment), found["summary"])


def _known(asked: Desk, incident_id: str) -> Record:
    """The incident by its id; ConfigError with the nearest one there is."""
    found = asked.incident(incident_id)
    if found is not None:
        return found
    known: Sequence[str] = [one["id"] for one in asked.incidents(every=True, limit=500)]
    otherwise = "`gpuwatch incidents list --all` shows them"
    remedy = did_you_mean(incident_id, known, otherwise)
    raise ConfigError(incident_id, "there is no such incident", remedy)
