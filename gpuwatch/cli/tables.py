"""Tables for people; everything a stranger wrote is escaped."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gpuwatch.incidents.wording import place
from gpuwatch.model.duration import say_duration
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Severity

if TYPE_CHECKING:  # it brings in everything, and small commands are to be quick
    from gpuwatch.look import Look

FACES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "blue",
}


def console() -> Console:
    """Standard output, with colours on a terminal only."""
    return Console(highlight=False)


def clean(text: str) -> str:
    """A stranger's text for a terminal: no control characters, no markup."""
    return escape("".join(c if c.isprintable() else "?" for c in text))


def show_looks(looks: Sequence[Look]) -> None:
    """What `check` found, cluster by cluster."""
    out = console()
    for look in looks:
        if look.blind_reason:
            out.print(
                f"[bold red]{clean(look.cluster)}: blind[/]: {clean(look.blind_reason)}"
            )
            continue
        _show_look(out, look)


def _show_look(out: Console, look: Look) -> None:
    seen = f"{look.gpus_present} of {look.gpus} GPUs on {look.nodes} nodes"
    found = look.open_incidents
    verdict = f"{len(found)} incidents" if found else "[green]nothing wrong[/]"
    out.print(f"[bold]{clean(look.cluster)}[/]: {seen}, {verdict}")
    if found:
        out.print(incident_table(found, look.at))
    _show_coverage(out, look)


def _show_coverage(out: Console, look: Look) -> None:
    judging = sum(1 for known in look.coverage.known.values() if known)
    out.print(f"{judging} of {len(look.rules)} rules could judge", style="dim")
    for name in look.blind_categories:
        out.print(f"[bold red]blind for {name}[/]: no rule of that kind could judge")
    for rule, metrics in look.coverage.missing.items():
        out.print(f"  {rule} sees nothing: no {', '.join(metrics)}", style="dim")
    for what, why in {**look.coverage.failed, **look.unread}.items():
        out.print(f"  [yellow]{clean(what)}[/] failed: {clean(why)}")
    if look.coverage.missing:
        out.print("  `gpuwatch doctor` says what to add to the exporter", style="dim")


def incident_table(incidents: Iterable[Incident], now: float | None = None) -> Table:
    """One row an incident."""
    at = time.time() if now is None else now
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("severity", "where", "what", "for", "do", "id"):
        table.add_column(name, overflow="fold")
    for incident in incidents:
        lasted = (incident.resolved_at or at) - incident.started_at
        state = "" if incident.open else f" ({incident.ending or 'resolved'})"
        table.add_row(
            f"[{FACES[incident.severity]}]{incident.severity.word}[/]",
            clean(place(incident)),
            clean(incident.summary) + state,
            say_duration(lasted),
            clean(incident.action),
            incident.id,
        )
    return table
