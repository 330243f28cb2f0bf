"""One cluster's part of the report, as values that need only be laid out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gpuwatch.backtest.chart import Chart
from gpuwatch.backtest.charts import worst_first
from gpuwatch.backtest.compare import pages_per_day
from gpuwatch.backtest.outcome import NOTHING_SAID, Outcome, Traffic
from gpuwatch.backtest.svg import drawn
from gpuwatch.backtest.timeline import Timeline, stood_before, timeline_of
from gpuwatch.engine.view import View
from gpuwatch.incidents.wording import Links, card, place
from gpuwatch.model.duration import say_duration
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Card
from gpuwatch.model.severity import Severity
from gpuwatch.web.sight import Gap, gaps

MOST_TOLD = 200
MOST_ROWS = 5_000
MOST_EVENTS = 100
MOST_NAMED = 2
KINDS = {
    "critical": "critical",
    "warning": "warning",
    "info": "info",
    "arrival": "found on arrival",
    "absorbed": "part of another",
}


@dataclass(frozen=True)
class Line:
    """One row of the table; `anchor` is "" where the incident has no section.

    `stood`: it was there when the judging began.
    """

    incident: Incident
    place: str
    lasted_seconds: float
    traffic: Traffic
    anchor: str
    stood: bool

    @property
    def kinds(self) -> Iterator[str]:
        """The classes of its row."""
        yield self.incident.severity.word
        if self.stood:
            yield "arrival"
        if self.incident.merged_into is not None:
            yield "absorbed"


@dataclass(frozen=True)
class Account:
    """One incident's section; `more_events`: of how many the story is cut short."""

    line: Line
    card: Card
    events: Sequence[Event]
    more_events: int
    chart: Chart | None
    pictures: Sequence[Markup]
    unpictured: str
    absorber: str


@dataclass(frozen=True)
class Loudness:
    """How much one rule had to say."""

    rule: str
    incidents: int
    worst: Severity
    traffic: Traffic


@dataclass(frozen=True)
class Chapter:
    """One cluster. `blind`: rules that lacked a metric; `idle`: that judged nobody."""

    key: str
    outcome: Outcome
    timeline: Timeline
    lines: Sequence[Line]
    accounts: Sequence[Account]
    gaps: Sequence[Gap]
    blind: Sequence[str]
    idle: Sequence[str]
    rules: int
    loudness: Sequence[Loudness]
    charts: int
    anchors: Mapping[str, str]

    @property
    def own(self) -> Sequence[Incident]:
        """Incidents that were not absorbed into another."""
        return [i for i in self.outcome.incidents if i.merged_into is None]

    @property
    def severities(self) -> Sequence[tuple[Severity, int]]:
        """How many of each, the worst first; none that is 0."""
        count = Counter(incident.severity for incident in self.own)
        return [(s, count[s]) for s in sorted(count, reverse=True)]

    @property
    def arrivals(self) -> int:
        """How many were there before the first look."""
        return sum(stood_before(incident, self.outcome) for incident in self.own)

    @property
    def kinds(self) -> Sequence[tuple[str, str]]:
        """What the table may be narrowed to: a row's class, and its word."""
        here = {word for line in self.lines for word in line.kinds}
        return [(kind, word) for kind, word in KINDS.items() if kind in here]

    @property
    def pages_per_day(self) -> float:
        """Calls by mention, a day."""
        return pages_per_day(self.outcome)


def chapter_of(outcome: Outcome, charts: Mapping[str, Chart], key: str) -> Chapter:
    """All that the report says of one cluster; `key` is its prefix of anchors."""
    worst = worst_first(outcome.incidents)
    told = {i.id: f"{key}-i{n}" for n, i in enumerate(worst[:MOST_TOLD])}
    lines = [_line(i, outcome, told.get(i.id, "")) for i in worst]
    stories = _stories(outcome.events)
    known, missing = outcome.coverage.known, outcome.coverage.missing
    return Chapter(
        key=key,
        outcome=outcome,
        timeline=timeline_of(outcome, worst),
        lines=lines[:MOST_ROWS],
        accounts=[
            _account(line, outcome, stories, charts.get(line.incident.id), told)
            for line in lines[:MOST_TOLD]
        ],
        gaps=gaps(_view(outcome)),
        blind=sorted(missing),
        idle=sorted(r for r, n in known.items() if not n and r not in missing),
        rules=len({*known, *missing, *outcome.coverage.failed}),
        loudness=list(_loudness(outcome)),
        charts=sum(i.id in charts for i in worst),
        anchors=told,
    )


def _line(incident: Incident, outcome: Outcome, anchor: str) -> Line:
    ended = outcome.end if incident.resolved_at is None else incident.resolved_at
    return Line(
        incident,
        place(incident),
        ended - incident.started_at,
        outcome.traffic_of(incident.id),
        anchor,
        stood_before(incident, outcome),
    )


def _account(
    line: Line,
    outcome: Outcome,
    stories: Mapping[str, Sequence[Event]],
    chart: Chart | None,
    told: Mapping[str, str],
) -> Account:
    incident = line.incident
    story = stories.get(incident.id, ())
    return Account(
        line=line,
        card=card(incident, outcome.end, Links()),
        events=story[:MOST_EVENTS],
        more_events=max(0, len(story) - MOST_EVENTS),
        chart=chart,
        pictures=() if chart is None else drawn(chart, line.anchor),
        unpictured="" if chart else _unpictured(incident),
        absorber=told.get(incident.merged_into or "", ""),
    )


def _unpictured(incident: Incident) -> str:
    if incident.members or incident.job:
        return "No chart: only the worst incidents have one."
    return "No chart: it is about no GPU."


def _stories(events: Iterable[Event]) -> Mapping[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.incident_id, []).append(event)
    return found


def _view(outcome: Outcome) -> View:
    """As much of a status page's view as its list of gaps looks at."""
    return View(
        cluster=outcome.cluster,
        at=outcome.end,
        good_at=outcome.end,
        gpus=outcome.gpus,
        gpus_present=outcome.gpus,
        nodes=outcome.nodes,
        coverage=outcome.coverage,
        unread=outcome.unread,
    )


def _loudness(outcome: Outcome) -> Iterator[Loudness]:
    """By leading rule; the one with the most messages first."""
    by_rule: dict[str, list[Incident]] = {}
    for incident in outcome.incidents:
        by_rule.setdefault(incident.lead, []).append(incident)
    said = {
        rule: sum((outcome.traffic_of(i.id) for i in found), NOTHING_SAID)
        for rule, found in by_rule.items()
    }
    order = sorted(by_rule, key=lambda r: (-said[r].messages, -len(by_rule[r]), r))
    for rule in order:
        found = by_rule[rule]
        own = sum(i.merged_into is None for i in found)
        yield Loudness(rule, own, max(i.severity for i in found), said[rule])


def caption(chart: Chart) -> str:
    """What the lines of a chart are."""
    band = chart.peers or "no peers known, so there is no band"
    every = say_duration(chart.step_seconds)
    return f"{_lines(chart)}, beside {band}; a reading every {every}"


def _lines(chart: Chart) -> str:
    drawn, left_out = len(chart.gpus), chart.left_out
    if left_out:
        return f"{drawn} of its {drawn + left_out} GPUs"
    if drawn > MOST_NAMED:
        return f"its {drawn} GPUs"
    return ", ".join(chart.gpus) or "no single GPU"
