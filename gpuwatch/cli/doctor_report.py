"""The doctor's findings as people read them: one line each, as they are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from gpuwatch.cli.tables import clean, console
from gpuwatch.doctor import Finding, State

MARKS = {
    State.OK: "[green]ok  [/]",
    State.WARN: "[yellow]warn[/]",
    State.FAIL: "[bold red]FAIL[/]",
    State.SKIP: "[dim]skip[/]",
}
NAME_WIDTH = 22
INDENT = 5


def show(found: Iterable[Finding]) -> list[Finding]:
    """Print each finding when it comes; all of them."""
    out, every = console(), list[Finding]()
    for cluster, findings in groupby(found, key=lambda finding: finding.cluster):
        out.print(f"\n[bold]{_title(cluster, first=not every)}[/]")
        group: list[Finding] = []
        for finding in findings:
            said = bool(group) and group[-1].mend == finding.mend
            _show(out, finding, "" if said else finding.mend)
            group.append(finding)
        _show_lines(out, group)
        every += group
    _show_end(out, every)
    return every


def _title(cluster: str, *, first: bool) -> str:
    if cluster:
        return f"Cluster {clean(cluster)}"
    return "This host" if first else "Telling and remembering"


def _show(out: Console, finding: Finding, mend: str) -> None:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=4)
    table.add_column(width=NAME_WIDTH, overflow="fold")
    table.add_column(overflow="fold")
    text = clean(finding.what)
    if mend:
        told = (
            f"[bold]-> {clean(mend)}[/]" if finding.wrong else f"[dim]{clean(mend)}[/]"
        )
        text += f"\n{told}"
    table.add_row(MARKS[finding.state], clean(finding.name), text)
    out.print(table)
    if finding.rows:
        _show_rows(out, finding.rows)


def _show_rows(out: Console, rows: Sequence[Sequence[str]]) -> None:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(*(clean(cell) for cell in row))
    out.print(Padding(table, (0, 0, 0, INDENT)), style="dim")


def _show_lines(out: Console, findings: Sequence[Finding]) -> None:
    """The CSV lines of a cluster, each once: first the needed, then the helpful."""
    needed = dict.fromkeys(line for f in findings if f.wrong for line in f.lines)
    helpful = dict.fromkeys(
        line for f in findings if not f.wrong for line in f.lines if line not in needed
    )
    if not needed and not helpful:
        return
    out.print(
        "\nFor dcgm-exporter's CSV (--collectors FILE; in Kubernetes its ConfigMap):",
    )
    for title, lines in (("rules need", needed), ("rules gain by", helpful)):
        if lines:
            out.print(f"# {title}", style="dim")
        for line in lines:
            out.print(clean(line), soft_wrap=True)


def _show_end(out: Console, findings: Sequence[Finding]) -> None:
    to_mend = sum(finding.wrong for finding in findings)
    if to_mend:
        out.print(f"\n[bold]{to_mend} to mend[/], each with its -> above")
    else:
        out.print("\n[green]All is well.[/]")
