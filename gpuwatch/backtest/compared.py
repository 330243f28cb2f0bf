"""A comparison in words: for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gpuwatch.backtest.compare import Comparison, Pair, pages_per_day
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.incidents.record import as_record, iso
from gpuwatch.incidents.wording import place
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Severity

MOST_LISTED = 50
LONGEST_TEXT = 160
FACES = {
    Severity.CRITICAL: "bold red",
    Severity.WARNING: "yellow",
    Severity.INFO: "blue",
}


def totals(outcome: Outcome) -> dict[str, float]:
    """What a configuration would have cost the people on call."""
    own = [i for i in outcome.incidents if i.merged_into is None]
    said = outcome.total
    return {
        "incidents": len(own),
        **{s.word: sum(i.severity is s for i in own) for s in reversed(Severity)},
        "messages": said.messages,
        "edits": said.edits,
        "pages": said.pages,
        "pages_per_day": round(pages_per_day(outcome), 3),
    }


def table(comparison: Comparison) -> RenderableType:
    """For a terminal; all that a stranger wrote is escaped."""
    parts: list[RenderableType] = [_totals_table(comparison)]
    a, b = (_clean(name) for name in comparison.names)
    for name, found in ((a, comparison.only_a), (b, comparison.only_b)):
        if found:
            parts += ["", f"[bold]only {name} tells[/]", _incidents_table(found)]
    if comparison.changed:
        title = f"[bold]both tell, but otherwise[/] ({a} → {b})"
        parts += ["", title, _pairs_table(comparison.changed)]
    same = len(comparison.both) - len(comparison.changed)
    parts += ["", f"[dim]{same} incidents are told by both in the same way[/]"]
    return Group(*parts)


def _totals_table(comparison: Comparison) -> Table:
    grid = Table(
        box=None,
        pad_edge=False,
        header_style="dim",
        title=f"cluster {_clean(comparison.a.cluster)}",
        title_justify="left",
    )
    grid.add_column("")
    for name in comparison.names:
        grid.add_column(_clean(name), justify="right", overflow="fold")
    a, b = totals(comparison.a), totals(comparison.b)
    for name, value in a.items():
        grid.add_row(name.replace("_", " "), f"{value:g}", f"{b[name]:g}")
    return grid


def _incidents_table(incidents: Sequence[Incident]) -> Table:
    grid = _grid("severity", "where", "what", "rule", "told at")
    for one in incidents[:MOST_LISTED]:
        grid.add_row(*_cells(one), one.lead, iso(one.detected_at))
    return _with_rest(grid, len(incidents))


def _pairs_table(pairs: Sequence[Pair]) -> Table:
    grid = _grid("severity", "where", "what", "changes")
    for pair in pairs[:MOST_LISTED]:
        grid.add_row(*_cells(pair.b), _clean("; ".join(pair.changes)))
    return _with_rest(grid, len(pairs))


def _grid(*names: str) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim")
    for name in names:
        grid.add_column(name, overflow="fold")
    return grid


def _with_rest(grid: Table, total: int) -> Table:
    if total > MOST_LISTED:
        grid.add_row("", f"and {total - MOST_LISTED} more: --output json has them all")
    return grid


def _cells(incident: Incident) -> tuple[str, str, str]:
    word = f"[{FACES[incident.severity]}]{incident.severity.word}[/]"
    return word, _clean(place(incident)), _clean(incident.summary)


def _clean(text: str) -> str:
    short = text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
    return escape("".join(c if c.isprintable() else "?" for c in short))


def document(comparisons: Iterable[Comparison]) -> dict[str, Any]:
    """`{"comparisons": [...]}`, one a cluster, in JSON types; times are UTC ISO."""
    return {"comparisons": [_record(comparison) for comparison in comparisons]}


def _record(comparison: Comparison) -> dict[str, Any]:
    a, b = comparison.names
    return {
        "cluster": comparison.a.cluster,
        "start": iso(comparison.a.start),
        "end": iso(comparison.a.end),
        "first": {"name": a, **totals(comparison.a)},
        "second": {"name": b, **totals(comparison.b)},
        "only_first": [as_record(i) for i in comparison.only_a],
        "only_second": [as_record(i) for i in comparison.only_b],
        "both": [_pair_record(pair) for pair in comparison.both],
    }


def _pair_record(pair: Pair) -> dict[str, Any]:
    return {
        "first": as_record(pair.a),
        "second": as_record(pair.b),
        "told_later_seconds": pair.told_later_seconds,
        "first_messages": pair.a_traffic.messages,
        "second_messages": pair.b_traffic.messages,
        "first_pages": pair.a_traffic.pages,
        "second_pages": pair.b_traffic.pages,
        "changes": list(pair.changes),
    }
