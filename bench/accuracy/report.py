"""The tables that docs/accuracy.md quotes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from bench.accuracy.matching import Found, Result
from bench.accuracy.totals import Calm, Quality, calm, quality

Wanted = Callable[[Result, Found], bool]
ByDetector = Mapping[str, Sequence[Result]]

SLOW = frozenset(
    {
        "thermal", "thermal_cycling", "power_brake", "rack_brake", "hw_slowdown",
        "clock_locked", "config_push", "memory_clock", "memory_slow", "starved",
        "host_slow", "fans",
    }
)  # fmt: skip
BITS = frozenset(
    {"thermal", "thermal_cycling", "power_brake", "hw_slowdown", "rack_brake"}
)
LOST = frozenset({"gpu_lost", "xid_79"})
BITLESS = frozenset(
    {
        "clock_locked",
        "config_push",
        "memory_clock",
        "memory_slow",
        "starved",
        "host_slow",
    }
)


def is_seen(_: Result, event: Found) -> bool:
    """Hand-written rules can see it with what is exported."""
    return event.truth.visible_to_expert


def is_unseen(_: Result, event: Found) -> bool:
    """No bit, no listed XID, no absent target tells of it."""
    return not event.truth.visible_to_expert


def is_stock_straggler(result: Result, event: Found) -> bool:
    """Heat and stragglers where the exporter has its stock CSV."""
    return result.csv == "stock" and event.truth.kind in SLOW


GROUPS: Mapping[str, Wanted | None] = {
    "all, and the benign scenarios": None,
    "an expert's rules can see": is_seen,
    "an expert's rules cannot see": is_unseen,
    "stock CSV, heat and stragglers": is_stock_straggler,
}
DELAYS: Mapping[str, Wanted] = {
    "hardware bits": lambda r, e: r.csv == "full" and e.truth.kind in BITS,
    "bit-less stragglers": lambda r, e: (
        e.truth.kind in BITLESS or (r.csv == "stock" and e.truth.kind in BITS)
    ),
    "lost GPU": lambda _, e: e.kind in LOST,
}


def overall(by_detector: ByDetector) -> Table:
    """Every detector, side by side, by who could see the events."""
    columns = (
        "n",
        "P",
        "R",
        "F1",
        "false",
        "victims",
        "alerts/event",
        "messages/event",
    )
    table = table_of("Found, and told rightly", ("events", "detector"), columns)
    for title, wanted in GROUPS.items():
        for detector, results in by_detector.items():
            table.add_row(title, detector, *_scores(quality(results, wanted)))
        table.add_section()
    return table


def _scores(q: Quality) -> list[str]:
    counts = [q.events, q.precision, q.recall, q.f1, q.false, q.victims]
    return [number(value) for value in (*counts, q.alerts, q.messages)]


def delays(by_detector: ByDetector) -> Table:
    """Delays of what was found."""
    title = "Delay of what was found, p50 / p95"
    table = table_of(title, ("events", "detector"), ("found", "samples", "seconds"))
    for name, wanted in DELAYS.items():
        for detector, results in by_detector.items():
            q = quality(results, wanted)
            share = f"{q.found}/{q.events}"
            table.add_row(name, detector, share, pair(q.samples), pair(q.seconds))
        table.add_section()
    return table


def by_kind(results: Sequence[Result], others: ByDetector) -> Table:
    """One detector kind by kind, and the recall of the others beside it."""
    columns = ("n", "recall", "samples", "seconds", "node", "GPU", "alerts", "false")
    recalls = (f"{other}: recall" for other in others)
    table = table_of("gpuwatch by kind of fault", ("kind",), (*columns, *recalls))
    for kind in dict.fromkeys(e.kind for r in results for e in r.events):
        wanted = _of_kind(kind)
        q = quality(results, wanted)
        row = [number(q.events), number(q.recall), pair(q.samples), pair(q.seconds)]
        row += [number(q.node_right), number(q.gpu_right), number(q.alerts)]
        row += [number(q.false)]
        row += [number(quality(o, wanted).recall) for o in others.values()]
        table.add_row(kind, *row)
    return table


def _of_kind(kind: str) -> Wanted:
    return lambda _, event: event.kind == kind


def quiet(by_detector: ByDetector) -> Table:
    """False alarms while nothing was wrong."""
    table = calm_table("detector")
    for detector, results in by_detector.items():
        table.add_row(detector, *calm_row(calm(results)))
    return table


def calm_table(first: str) -> Table:
    """An empty table for `calm_row`."""
    columns = ("GPU-days", "alarms", "per 1000 GPU-days", "95 % bound")
    return table_of("False alarms in fault-free time", (first,), columns)


def table_of(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """An empty table: columns of words, then columns of numbers."""
    table = Table(title=title, title_justify="left")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def markdown(table: Table) -> str:
    """The same table for a document."""
    columns = table.columns
    head = [str(column.header) for column in columns]
    rules = ["---:" if column.justify == "right" else "---" for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    body = [[str(cell) for cell in row] for row in rows]
    lines = [f"| {' | '.join(line)} |" for line in (head, rules, *body)]
    return "\n".join([f"**{table.title}**", "", *lines, ""])


def tables(by_detector: ByDetector, mine: str) -> list[Table]:
    """All of them; `mine` is the detector that is told kind by kind."""
    others = {k: v for k, v in by_detector.items() if k != mine}
    return [
        by_kind(by_detector[mine], others),
        overall(by_detector),
        delays(by_detector),
        quiet(by_detector),
    ]


def calm_row(found: Calm) -> list[str]:
    """Its cells."""
    return [
        f"{found.gpu_days:,.0f}",
        str(found.alarms),
        number(found.per_thousand),
        number(found.bound),
    ]


def number(value: float) -> str:
    """Counts whole, shares with three digits, nothing as a dash."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if isinstance(value, int) else f"{value:.3g}"


def pair(values: tuple[float, float]) -> str:
    """p50 / p95."""
    if math.isnan(values[0]):
        return "-"
    return " / ".join(f"{value:.0f}" for value in values)


def document(by_detector: ByDetector) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        detector: {
            "groups": {
                title: _record(quality(results, wanted))
                for title, wanted in GROUPS.items()
            },
            "delays": {
                title: _record(quality(results, wanted))
                for title, wanted in DELAYS.items()
            },
            "kinds": {
                kind: _record(quality(results, _of_kind(kind)))
                for kind in dict.fromkeys(e.kind for r in results for e in r.events)
            },
            "calm": asdict(calm(results)) | {"bound": calm(results).bound},
        }
        for detector, results in by_detector.items()
    }


def _record(q: Quality) -> dict[str, Any]:
    whole = asdict(q) | {"precision": q.precision, "recall": q.recall, "f1": q.f1}
    return {name: _plain(value) for name, value in whole.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
