"""The run at a glance: a lane per node, job or rule, and a bar per incident."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gpuwatch.backtest.axis import Tick, time_ticks
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.incidents.plight import say_job
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Scope
from gpuwatch.web.picture import natural

MOST_LANES = 40
MOST_BARS = 1_000
MOST_ROWS = 4
# A bar is drawn at least so wide, in percent: what is narrower cannot be seen.
LEAST_PERCENT = 0.6


@dataclass(frozen=True, slots=True)
class Bar:
    """One incident; left and width in percent of the window, `row` inside its lane.

    `unknown`: from which percent of the bar on nothing was known of it; 100 = never.
    `stood`: it was there when the judging began.
    """

    incident: Incident
    left: float
    width: float
    row: int
    unknown: float
    stood: bool


@dataclass(frozen=True)
class Lane:
    """What happened at one place; `rows`: how many bars stand above one another."""

    name: str
    bars: tuple[Bar, ...]
    rows: int


@dataclass(frozen=True)
class Timeline:
    """The lanes worth drawing; `left_out`: how many incidents are not drawn.

    `ticks`: their `at` is a percentage.
    """

    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    left_out: int


def timeline_of(outcome: Outcome, worst: Sequence[Incident]) -> Timeline:
    """Lanes of the worst incidents, in the natural order of their names."""
    chosen: dict[str, list[Incident]] = {}
    for incident in worst[:MOST_BARS]:
        name = lane_of(incident)
        if name in chosen or len(chosen) < MOST_LANES:
            chosen.setdefault(name, []).append(incident)
    names = sorted(chosen, key=natural)
    lanes = tuple(_lane(name, chosen[name], outcome) for name in names)
    ticks = [
        Tick(_percent(t.at, outcome), t.label)
        for t in time_ticks(outcome.start, outcome.end, 8)
    ]
    drawn = sum(len(lane.bars) for lane in lanes)
    return Timeline(lanes, tuple(ticks), len(worst) - drawn)


def lane_of(incident: Incident) -> str:
    """Its one node, else its job, else what its rule is called."""
    if len(incident.nodes) == 1:
        return incident.nodes[0]
    if incident.scope is Scope.JOB and incident.job:
        return say_job(incident.job)
    return incident.lead.replace("_", " ")


def stood_before(incident: Incident, outcome: Outcome) -> bool:
    """Whether it was found on arrival, in the warm-up."""
    return incident.arrival or incident.detected_at < outcome.start


def _lane(name: str, incidents: Iterable[Incident], outcome: Outcome) -> Lane:
    """Bars that would cover one another go one below the other."""
    free_from = [0.0] * MOST_ROWS
    bars = []
    for incident in sorted(incidents, key=lambda i: (i.started_at, i.id)):
        left = _percent(incident.started_at, outcome)
        right = _percent(_end(incident, outcome), outcome)
        left = min(left, 100 - LEAST_PERCENT)
        width = max(right - left, LEAST_PERCENT)
        row = next((r for r in range(MOST_ROWS) if free_from[r] <= left), MOST_ROWS - 1)
        free_from[row] = max(free_from[row], left + width)
        unknown = _unknown(incident, outcome, left, width)
        stood = stood_before(incident, outcome)
        bars.append(Bar(incident, left, width, row, unknown, stood))
    return Lane(name, tuple(bars), 1 + max(bar.row for bar in bars))


def _unknown(incident: Incident, outcome: Outcome, left: float, width: float) -> float:
    if incident.unknown_since is None:
        return 100.0
    since = _percent(incident.unknown_since, outcome)
    return min(100.0, max(0.0, 100 * (since - left) / width))


def _end(incident: Incident, outcome: Outcome) -> float:
    return outcome.end if incident.resolved_at is None else incident.resolved_at


def _percent(at: float, outcome: Outcome) -> float:
    share = (at - outcome.start) / max(outcome.end - outcome.start, 1.0)
    return 100 * min(1.0, max(0.0, share))
