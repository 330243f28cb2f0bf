"""The history around incidents, read again: their GPUs beside their peers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gpuwatch.backtest.chart import QUANTITIES, Chart
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.sketch import BUSY, Excerpt, Sketch, unreadable
from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Incident
from gpuwatch.ports import Plan, Source

BEFORE_SECONDS = 1800.0
AFTER_SECONDS = 600.0
MOST_POINTS = 300
MOST_CHARTS = 50


def of_incidents(
    source: Source,
    plan: Plan,
    fleet: Fleet,
    outcome: Outcome,
    most: int = MOST_CHARTS,
) -> Mapping[str, Chart]:
    """By incident id the charts of the worst, at most `most` of them.

    Each is read from 30 min before it began until 10 min after its end, at most 300
    readings; those that overlap share one reading. Incidents that are about no GPU
    and no job have none. Where history cannot be read, the chart says why.
    """
    chosen = [i for i in worst_first(outcome.incidents) if i.members or i.job][:most]
    excerpts = [excerpt_of(incident, outcome) for incident in chosen]
    asked = replace(plan, metrics=_metrics(), queries=())
    found: dict[str, Chart] = {}
    for group in together(excerpts):
        try:
            found.update(_read(source, asked, fleet, group))
        except SourceError as error:
            found.update({s.incident.id: unreadable(s, str(error)) for s in group})
    return {incident.id: found[incident.id] for incident in chosen}


def worst_first(incidents: Iterable[Incident]) -> list[Incident]:
    """The loudest first, then in the order of detection; absorbed ones are last."""
    return sorted(
        incidents,
        key=lambda i: (i.merged_into is not None, -i.severity, i.detected_at, i.id),
    )


def excerpt_of(incident: Incident, outcome: Outcome) -> Excerpt:
    """What to read of it, on the times at which it was judged.

    Longer ones are read every 2nd, 4th, 8th, ... step, so that 300 readings do.
    """
    first = max(incident.started_at, outcome.start) - BEFORE_SECONDS
    ended = math.inf if incident.resolved_at is None else incident.resolved_at
    last = min(ended + AFTER_SECONDS, outcome.end)
    step = outcome.step
    while (last - first) / step > MOST_POINTS - 1:
        step *= 2
    steps_back = math.ceil((outcome.start - first) / step)
    return Excerpt(incident, outcome.start - steps_back * step, last, step)


def together(excerpts: Iterable[Excerpt]) -> Iterator[list[Excerpt]]:
    """Groups that one reading serves: of one step, each overlapping the next."""
    group: list[Excerpt] = []
    until = -math.inf
    for excerpt in sorted(excerpts, key=lambda s: (s.step, s.start)):
        if group and (excerpt.step != group[0].step or excerpt.start > until):
            yield group
            group, until = [], -math.inf
        group.append(excerpt)
        until = max(until, excerpt.end)
    if group:
        yield group


def _metrics() -> Mapping[str, float]:
    return {**{q.metric: 0.0 for q in QUANTITIES}, BUSY: 0.0}


def _read(
    source: Source, plan: Plan, fleet: Fleet, group: Sequence[Excerpt]
) -> Mapping[str, Chart]:
    sketches = [Sketch(excerpt) for excerpt in group]
    start, end = min(s.start for s in group), max(s.end for s in group)
    for snapshot in source.history(plan, fleet, start, end, group[0].step):
        for sketch in sketches:
            if sketch.excerpt.holds(snapshot.at):
                sketch.take(snapshot)
    return {s.excerpt.incident.id: s.chart() for s in sketches}
