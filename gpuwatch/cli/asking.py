"""What commands that ask something of the daemon share."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from gpuwatch.cli.remote import Asked, Desk
from gpuwatch.errors import ConfigError

CommentOption = Annotated[str, typer.Option(help="Why; the others read it.")]
ByOption = Annotated[str, typer.Option(help="Who asks; default: your user name.")]
VERBS = {
    "ack": "will be acknowledged",
    "close": "will be closed",
    "silence": "will be muted",
    "unsilence": "will end",
    "forget": "will be taken out of service",
}


def leave(desk: Desk, asked: Asked, about: str) -> None:
    """Ask, and say on stdout what comes of it and when. GpuwatchError: refused."""
    asked = replace(asked, by=asked.by or user_name())
    silence = desk.ask(asked)
    target = silence or asked.target
    when = "by the next cycle" if desk.live else "when `gpuwatch run` runs again"
    typer.echo(f"{target}: {shown(about)} {VERBS[asked.kind.value]} {when}")


def refuse_early(command: str, given: Mapping[str, object]) -> None:
    """ConfigError for options that stand before the command, where none hears them."""
    for option, value in given.items():
        if value:
            raise ConfigError(option, "stands too early", f"write it after `{command}`")


def user_name() -> str:
    """$USER and the like, else the name of the user id."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def shown(text: str) -> str:
    """A stranger's text on a terminal: no control characters."""
    return "".join(c if c.isprintable() else "?" for c in text)
