"""`gpuwatch backtest`: the very same engine over history."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gpuwatch.cli.nearest import did_you_mean
from gpuwatch.cli.options import ConfigOption, settings_from
from gpuwatch.cli.times import parse_moment, parse_span
from gpuwatch.errors import ConfigError

if TYPE_CHECKING:  # they bring in everything, and `--help` is to be quick
    from gpuwatch.backtest.outcome import Outcome
    from gpuwatch.backtest.stretch import Stretch
    from gpuwatch.settings import Settings

app = typer.Typer()
NONE, FOUND, STOPPED = 0, 1, 130
FILE_COLUMNS = 120


class Form(StrEnum):
    """How a backtest prints."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"


@dataclass(frozen=True)
class Wish:
    """What to print, and where."""

    form: Form
    rules: frozenset[str]
    file: Path | None


@app.command()
def backtest(  # noqa: PLR0917  typer takes no keyword-only options
    start: Annotated[
        str,
        typer.Option(help="ISO 8601, Unix seconds, or back from now: -24h."),
    ],
    end: Annotated[str, typer.Option(help="The same, or `now`.")] = "now",
    step: Annotated[str, typer.Option(help="How often to judge.")] = "15s",
    warm_up: Annotated[
        str, typer.Option(help="History read before --start, for the baselines.")
    ] = "30m",
    config: ConfigOption = None,
    prometheus_url: Annotated[
        str | None, typer.Option(help="Read this Prometheus instead.")
    ] = None,
    cluster: Annotated[
        list[str] | None, typer.Option(help="Only this cluster; may be repeated.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="Print only what this rule found; all rules judge."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(help="Judge by this configuration too, and say what differs."),
    ] = None,
    output: Annotated[
        Form | None,
        typer.Option(help="Default: a table on a terminal, JSON in a pipe."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Write it here instead of to stdout.")
    ] = None,
) -> None:
    """Judge history: what gpuwatch would have told, when, and how often.

    The very same rules, attribution and lifecycle, with the time of the samples.
    Nothing is stored and nobody is told; messages are counted.

    Exit 0: nothing found. 1: incidents. 2: an error. 130: stopped by Ctrl-C.

    Example: gpuwatch backtest --prometheus-url http://localhost:9090 --start -24h
    """
    settings = _of_clusters(settings_from(config, prometheus_url), cluster or [])
    wish = Wish(_form(output), _known(settings, rule or []), file)
    _run(
        [settings, *([settings_from(compare)] if compare else [])],
        _stretch(settings, start, end, step, warm_up),
        wish,
    )


def _of_clusters(settings: Settings, wanted: Sequence[str]) -> Settings:
    """Only the clusters that were asked for."""
    known = [one.name for one in settings.prometheus]
    for name in wanted:
        if name not in known:
            remedy = did_you_mean(name, known, f"there are {', '.join(known)}")
            raise ConfigError("--cluster", f"there is no cluster {name!r}", remedy)
    chosen = [one for one in settings.prometheus if not wanted or one.name in wanted]
    return settings.model_copy(update={"prometheus": tuple(chosen)})


def _form(output: Form | None) -> Form:
    if output is not None:
        return output
    return Form.TABLE if sys.stdout.isatty() else Form.JSON


def _known(settings: Settings, rules: Sequence[str]) -> frozenset[str]:
    from gpuwatch.site_rules import configured_rules  # noqa: PLC0415  slow to import

    known = [rule.name for rule in configured_rules(settings)]
    for name in rules:
        if name not in known:
            remedy = did_you_mean(name, known, "`gpuwatch rules` lists them")
            raise ConfigError("--rule", f"there is no rule {name!r}", remedy)
    return frozenset(rules)


def _stretch(
    settings: Settings, start: str, end: str, step: str, warm_up: str
) -> Stretch:
    """The window in times of the metrics server's clock."""
    from gpuwatch.backtest.run import horizon  # noqa: PLC0415  slow to import
    from gpuwatch.backtest.stretch import Stretch  # noqa: PLC0415

    here = time.time()
    wished = Stretch(
        parse_moment("--start", start, here),
        parse_moment("--end", end, here),
        parse_span("--step", step),
        0.0 if warm_up in {"0", "0s"} else parse_span("--warm-up", warm_up),
    )
    return wished.checked(here).checked(horizon(settings))


def _run(configurations: Sequence[Settings], stretch: Stretch, wish: Wish) -> None:
    from gpuwatch.backtest.progress import Bar  # noqa: PLC0415  slow to import
    from gpuwatch.backtest.run import backtest as judge_history  # noqa: PLC0415

    names = [one.name for one in configurations[0].prometheus]
    with Bar(names, stretch.begin, stretch.end) as bar:
        try:
            found = judge_history(configurations, stretch, bar.reached)
        except KeyboardInterrupt:
            typer.echo(f"gpuwatch: stopped {bar.words}", err=True)
            raise typer.Exit(STOPPED) from None
    if wish.rules:
        found = [[one.of_rules(wish.rules) for one in each] for each in found]
    _print(found, stretch, wish, configurations)
    any_found = any(each[0].incidents for each in found)
    raise typer.Exit(FOUND if any_found else NONE)


def _print(
    found: Sequence[Sequence[Outcome]],
    stretch: Stretch,
    wish: Wish,
    configurations: Sequence[Settings],
) -> None:
    from gpuwatch.cli import backtest_print as pages  # noqa: PLC0415  slow to import

    if wish.form is Form.HTML:
        _write(pages.as_html(found, configurations[0]), wish.file)
    elif wish.form is Form.JSON:
        _write(pages.as_json(found, stretch), wish.file)
    else:
        width = None if wish.file is None else FILE_COLUMNS
        _write(pages.as_table(found, width), wish.file)


def _write(text: str, file: Path | None) -> None:
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        problem = f"{str(file)!r} cannot be written: {error.strerror}"
        raise ConfigError("--file", problem, "give another path") from None
    typer.echo(f"written to {file}", err=True)
