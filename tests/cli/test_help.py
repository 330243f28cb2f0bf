"""Every command teaches, and is in docs/commands.md with all its options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from gpuwatch.cli.main import COMMANDS
from gpuwatch.cli.main import app as root
from tests.cli.conftest import Run

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")
MINE = ("doctor", "rules", "config", "incidents", "silence", "fleet")


def commands(
    group: Any, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*path, name))


def every() -> dict[str, Any]:
    group: Any = typer.main.get_command(root)
    found = {}
    for name in MINE:
        for path, command in commands(group.get_command(None, name), (name,)):
            found[" ".join(path)] = command
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_documented(name: str) -> None:
    assert f"\n## {name}\n" in DOCUMENTED
    assert f"(#{name})" in DOCUMENTED


@pytest.mark.parametrize(("path", "command"), every().items())
def test_its_options_are_documented(path: str, command: Any) -> None:
    options = {
        option
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    missing = {option for option in options if option not in DOCUMENTED}
    assert missing == set(), path


@pytest.mark.parametrize("path", every())
def test_its_help_shows_an_example(run: Run, path: str) -> None:
    ran = run(*path.split(), "--help")
    assert ran.code == 0
    text = " ".join(ran.out.split())
    assert re.search(
        rf"(Example|Start with): gpuwatch {path.split(maxsplit=1)[0]}", text
    ), text


@pytest.mark.parametrize("words", [("silence",), ("config",)])
def test_a_group_alone_shows_its_commands(run: Run, words: tuple[str, ...]) -> None:
    ran = run(*words)
    assert "Commands" in ran.out + ran.err
