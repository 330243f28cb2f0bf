"""`gpuwatch silence`: mute what you are working on."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from gpuwatch.cli.asking import ByOption, leave
from gpuwatch.cli.nearest import did_you_mean
from gpuwatch.cli.options import (
    ConfigOption,
    Output,
    OutputOption,
    chosen,
    settings_from,
)
from gpuwatch.cli.printing import print_json
from gpuwatch.cli.remote import Asked, desk
from gpuwatch.cli.times import instant, parse_span, parse_time
from gpuwatch.errors import ConfigError
from gpuwatch.model.duration import say_duration
from gpuwatch.model.request import RequestKind
from gpuwatch.model.silence import MATCHABLE, parse_matcher

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Mute what you are working on. A silence hides words, never states: "
    "incidents open and end as ever, the status page shows them, nobody is told.\n\n"
    "Example: gpuwatch silence add node=node-17 --for 4h --comment 'new fans'",
)


@app.command()
def add(
    matchers: Annotated[
        list[str],
        typer.Argument(
            metavar="MATCHER...",
            help=f"name=value, !=, =~ or !~ (whole); of {', '.join(MATCHABLE)}.",
        ),
    ],
    *,
    comment: Annotated[str, typer.Option(help="Why; the others read it.")],
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, such as 30m, 4h or 2d.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="ISO 8601 (UTC without a zone) or Unix seconds.")
    ] = None,
    by: ByOption = "",
    config: ConfigOption = None,
) -> None:
    """Mute incidents that match all MATCHERs, for a time.

    Example: gpuwatch silence add 'node=~node-0[1-4]' category=thermal --until
    2026-11-24T18:00Z --comment "chiller maintenance"
    """
    settings = settings_from(config)
    now = time.time()
    ends_at = _end(for_, until, now)
    if not comment.strip():
        raise ConfigError("--comment", "is empty", "say why, the others read it")
    for text in matchers:
        _check(text)
    asked = Asked(
        RequestKind.SILENCE,
        by,
        comment=comment,
        matchers=tuple(matchers),
        ends_at=ends_at,
    )
    with desk(settings) as found:
        about = f"{' '.join(matchers)} for {say_duration(ends_at - now)}"
        leave(found, asked, about)


def _end(for_: str | None, until: str | None, now: float) -> float:
    """Unix seconds; ConfigError unless exactly one way leads into the future."""
    if (for_ is None) == (until is None):
        raise ConfigError("silence", "how long?", "give one of --for and --until")
    if until is None:
        return now + parse_span("--for", for_ or "")
    ends_at = parse_time("--until", until)
    if ends_at <= now:
        past = f"{until!r} is {say_duration(now - ends_at)} ago"
        raise ConfigError("--until", past, "give a time to come; no zone means UTC")
    return ends_at


def _check(text: str) -> None:
    try:
        parse_matcher(text)
    except (ValueError, OverflowError, RecursionError) as error:
        problem, _, remedy = str(error).partition("; ")
        raise ConfigError("silence", problem, remedy) from None


@app.command("list")
def list_(
    expired: Annotated[bool, typer.Option("--expired", help="Ended ones too.")] = False,
    config: ConfigOption = None,
    output: OutputOption = None,
) -> None:
    """List silences that mute now or will; with --expired also those that ended.

    Example: gpuwatch silence list --output json
    """
    with desk(settings_from(config)) as asked:
        found, name = asked.silences(), asked.name
    now = time.time()
    kept = [one for one in found if expired or (instant(one["ends_at"]) or 0) > now]
    if chosen(output) is Output.JSON:
        print_json({"silences": kept})
        return
    from gpuwatch.cli.record_tables import show_silences  # noqa: PLC0415  slow

    show_silences(kept, name)


@app.command()
def expire(
    silence_id: Annotated[
        str, typer.Argument(metavar="ID", help="As the list shows it.")
    ],
    by: ByOption = "",
    config: ConfigOption = None,
) -> None:
    """End a silence now.

    Example: gpuwatch silence expire sl-0123456789
    """
    with desk(settings_from(config)) as asked:
        known = {one["id"]: one for one in asked.silences()}
        found = known.get(silence_id)
        if found is None:
            otherwise = "`gpuwatch silence list` shows them"
            remedy = did_you_mean(silence_id, known, otherwise)
            raise ConfigError(silence_id, "there is no such silence", remedy)
        about = " ".join(found["matchers"])
        leave(asked, Asked(RequestKind.UNSILENCE, by, silence_id), about)
