"""`gpuwatch`: the commands by name, and the one place where errors become exits."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gpuwatch import __version__
from gpuwatch.errors import GpuwatchError

BAD_USAGE = 2

COMMANDS = {
    "run": "Run the daemon: watch, and tell people",
    "check": "One look, without memory: what is wrong now",
    "backtest": "The same rules over history: what would have been told",
    "doctor": "Is everything set up, and what can gpuwatch not see?",
    "demo": "A simulated cluster with faults, to see what gpuwatch says",
    "rules": "What is looked for, and why",
    "config": "Check, print or describe the configuration",
    "incidents": "List, show, acknowledge or close incidents",
    "silence": "Mute what you are working on",
    "fleet": "Nodes and GPUs that are known; retire what is gone for good",
}


class LazyGroup(TyperGroup):
    """Imports a command's module only when that command is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which people need them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of `gpuwatch/cli/<name>.py`."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gpuwatch.cli.{cmd_name}")
        command: Any = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="The alarm system for GPU training clusters: which GPU is failing or slowing "
    "the job, why, since when, and what to do.",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gpuwatch {__version__}")
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the version.", callback=_say_version, is_eager=True
    ),
]


@app.callback()
def _root(*, version: VersionOption = False) -> None:
    del version


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; a GpuwatchError is one line on stderr and exit 2."""
    try:
        return app(arguments)
    except GpuwatchError as error:
        typer.echo(f"gpuwatch: {error}", err=True)
        sys.exit(BAD_USAGE)
    except KeyboardInterrupt:
        sys.exit(130)
