"""A backtest on paper: a table, JSON, or HTML, as text."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing

from rich.console import Console
from rich.table import Table

from gpuwatch.app import build_core
from gpuwatch.backtest import charts, compared
from gpuwatch.backtest.chart import Chart
from gpuwatch.backtest.compare import Comparison, compare
from gpuwatch.backtest.document import as_document, listed, summary_line
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.stretch import Stretch
from gpuwatch.cli.tables import FACES, clean
from gpuwatch.incidents.record import iso
from gpuwatch.incidents.wording import place
from gpuwatch.model.duration import say_duration
from gpuwatch.model.incident import Incident
from gpuwatch.settings import Settings
from gpuwatch.site_rules import configured_rules
from gpuwatch.sources import prometheus_source

Found = Sequence[Sequence[Outcome]]
NAMES = ("this configuration", "the other")


def as_json(found: Found, stretch: Stretch) -> str:
    """One document; with a second configuration also the `comparisons`."""
    document = as_document([each[0] for each in found], stretch.warm_up_seconds)
    comparisons = _comparisons(found)
    if comparisons:
        document |= compared.document(comparisons)
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def as_table(found: Found, width: int | None) -> str:
    """For people; in colour and as wide as the terminal where `width` is not given."""
    paper = io.StringIO()
    on_terminal = width is None and sys.stdout.isatty()
    out = Console(
        file=paper, highlight=False, width=width, force_terminal=on_terminal or None
    )
    for outcome, *_ in found:
        _show(out, outcome)
    out.print(f"[bold]{summary_line([each[0] for each in found])}[/]")
    for comparison in _comparisons(found):
        out.print()
        out.print(compared.table(comparison))
    return paper.getvalue()


def _comparisons(found: Found) -> list[Comparison]:
    return [compare(each[0], each[1], NAMES) for each in found if len(each) > 1]


def _show(out: Console, outcome: Outcome) -> None:
    window = f"{iso(outcome.start)} to {iso(outcome.end)}, every {outcome.step:g} s"
    seen = f"{outcome.gpus} GPUs on {outcome.nodes} nodes"
    out.print(f"[bold]{clean(outcome.cluster)}[/]: {seen}, {window}")
    incidents = listed(outcome)
    if incidents:
        out.print(_table(outcome, incidents))
    else:
        out.print("[green]nothing wrong[/]")
    for line in _complaints(outcome):
        out.print(f"  {clean(line)}", style="dim")


def _table(outcome: Outcome, incidents: Iterable[Incident]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("told at", "severity", "where", "what", "for", "messages", "id"):
        table.add_column(name, overflow="fold", no_wrap=name in {"id", "severity"})
    for one in incidents:
        traffic = outcome.traffic_of(one.id)
        end = outcome.end if one.resolved_at is None else one.resolved_at
        pages = f", {traffic.pages} paging" if traffic.pages else ""
        table.add_row(
            iso(one.detected_at),
            f"[{FACES[one.severity]}]{one.severity.word}[/]",
            clean(place(one)),
            clean(one.summary) + _ending(one),
            say_duration(end - one.started_at),
            f"{traffic.messages}{pages}",
            one.id,
        )
    return table


def _ending(incident: Incident) -> str:
    if incident.open:
        return ""
    into = f" into {incident.merged_into}" if incident.merged_into else ""
    return f" [dim]({clean(str(incident.ending or 'resolved'))}{into})[/]"


def _complaints(outcome: Outcome) -> list[str]:
    """What could not be seen, a line each."""
    coverage = outcome.coverage
    blind = [
        f"{rule} saw nothing: no {', '.join(metrics)}"
        for rule, metrics in coverage.missing.items()
    ]
    failed = {**coverage.failed, **outcome.unread}
    return [*(f"{what} failed: {why}" for what, why in failed.items()), *blind]


def as_html(found: Found, settings: Settings) -> str:
    """A report with charts, which are read anew around each incident."""
    from gpuwatch.backtest.report import html_report  # noqa: PLC0415  brings Jinja

    drawn: dict[str, Chart] = {}
    for each, cluster in zip(found, settings.prometheus, strict=True):
        with closing(prometheus_source(cluster, settings)) as source:
            core = build_core(source, settings, configured_rules(settings))
            drawn |= charts.of_incidents(source, core.plan, core.fleet, each[0])
    return html_report([each[0] for each in found], drawn, _comparisons(found))
