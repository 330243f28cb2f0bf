"""`gpuwatch fleet`: what is known, and retiring what is gone for good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

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
from gpuwatch.cli.remote import Asked, Record, desk
from gpuwatch.errors import ConfigError
from gpuwatch.model.request import RequestKind

app = typer.Typer(add_completion=False, rich_markup_mode="markdown")


@app.callback(invoke_without_command=True)
def fleet(
    ctx: typer.Context, config: ConfigOption = None, output: OutputOption = None
) -> None:
    """Nodes and GPUs that are in service: without a command they are listed.

    A node that was seen once is missed when it is gone. Take out what is gone for
    good, so that nobody waits for it.

    Example: gpuwatch fleet forget node-17 --comment "returned to the vendor"
    """
    if ctx.invoked_subcommand is None:
        list_(config, output)
        return
    refuse_early(ctx.invoked_subcommand, {"--config": config, "--output": output})


@app.command("list")
def list_(config: ConfigOption = None, output: OutputOption = None) -> None:
    """List clusters, nodes and GPUs in service.

    Example: gpuwatch fleet list --output json | jq -r '.clusters[].nodes[].node'
    """
    with desk(settings_from(config)) as asked:
        found, name = asked.clusters(), asked.name
    if chosen(output) is Output.JSON:
        print_json({"clusters": list(found)})
        return
    from gpuwatch.cli.record_tables import show_fleet  # noqa: PLC0415  slow

    show_fleet(found, name)


@app.command()
def forget(
    target: Annotated[
        str, typer.Argument(metavar="NODE|UUID", help="A node's name or a GPU's UUID.")
    ],
    comment: CommentOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
) -> None:
    """Take a node or a GPU out of service: its absence is no incident any more.

    It is back in service as soon as it is seen alive again.

    Example: gpuwatch fleet forget GPU-8d5f0c36-0c1e-4b5e-9d1c-1b2f9d3f1a2b
    """
    with desk(settings_from(config)) as asked:
        known = set(_places(asked.clusters()))
        if target not in known:
            remedy = did_you_mean(target, known, "`gpuwatch fleet list` shows all")
            raise ConfigError(target, "there is no such node or GPU", remedy)
        about = "its absence is no incident any more; it"
        leave(asked, Asked(RequestKind.FORGET, by, target, comment), about)


def _places(clusters: Iterable[Record]) -> Iterable[str]:
    for cluster in clusters:
        for node in cluster["nodes"]:
            yield node["node"]
            yield from (gpu["uuid"] for gpu in node["gpus"])
