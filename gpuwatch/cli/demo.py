"""`gpuwatch demo`: see what it does, without a GPU."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def demo(
    nodes: Annotated[int, typer.Option(min=2, max=64, help="Simulated nodes.")] = 8,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="kind:node:gpu@from-to, such as thermal:node-03:5@10-40."),
    ] = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Go on until Ctrl-C.")
    ] = False,
    no_prometheus: Annotated[
        bool, typer.Option("--no-prometheus", help="Read the exporters directly.")
    ] = False,
    listen: Annotated[
        str, typer.Option(help="Where the status page listens.")
    ] = "127.0.0.1:9488",
) -> None:
    """Play a story: a simulated cluster, a real Prometheus, faults, messages.

    Uses a real Prometheus where one is installed, else reads the simulated exporters
    directly. Ends by itself after about 90 seconds.
    """
    from gpuwatch.demo import Demo, play  # noqa: PLC0415  slow to import
    from gpuwatch.telemetry import set_up_logging  # noqa: PLC0415

    set_up_logging("WARNING")
    play(Demo(nodes, tuple(fault or ()), forever, not no_prometheus, listen))
