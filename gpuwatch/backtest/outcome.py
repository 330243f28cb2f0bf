"""What a backtest found in one cluster: one value, for tables, reports and benches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gpuwatch.engine.engine import Coverage
from gpuwatch.model.incident import Event, Incident

SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What Slack would have shown of one incident, in messages.

    `posts`: new messages in the channel. `edits`: changes of them, which notify
    nobody. `notes`: replies in the thread, of which `broadcasts` are shown in the
    channel too. `pages`: messages (posts or notes) that call people by a mention.
    """

    posts: int = 0
    edits: int = 0
    notes: int = 0
    broadcasts: int = 0
    pages: int = 0

    @property
    def messages(self) -> int:
        """Messages that somebody could read: posts and notes, not edits."""
        return self.posts + self.notes

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.posts + other.posts,
            self.edits + other.edits,
            self.notes + other.notes,
            self.broadcasts + other.broadcasts,
            self.pages + other.pages,
        )


NOTHING_SAID = Traffic()


@dataclass(frozen=True)
class Outcome:
    """One cluster's history, judged. Times are Unix seconds, `step` is seconds.

    Args:
        incidents: those that stood at some time from start to end, in the order of
            their detection; each as it was at the end (or when it was resolved).
        events: their stories, oldest first.
        traffic: messages by incident id; one shared card counts for the first of them.
        gpus: rows of the fleet at the end; `nodes` likewise.
        coverage: what rules could see: `missing` only where it was so at every step,
            `failed` if ever, `known` and `firing` as the most at any step.
        unread: what could not be read at some step, and why.
    """

    cluster: str
    start: float
    end: float
    step: float
    incidents: tuple[Incident, ...] = ()
    events: tuple[Event, ...] = ()
    traffic: Mapping[str, Traffic] = field(default_factory=dict)
    gpus: int = 0
    nodes: int = 0
    coverage: Coverage = field(default_factory=Coverage)
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def days(self) -> float:
        """Length of the window in days."""
        return (self.end - self.start) / SECONDS_A_DAY

    @property
    def total(self) -> Traffic:
        """All that would have been said."""
        return sum(self.traffic.values(), NOTHING_SAID)

    def traffic_of(self, incident_id: str) -> Traffic:
        """What would have been said of one incident."""
        return self.traffic.get(incident_id, NOTHING_SAID)

    def of_rules(self, rules: frozenset[str]) -> Outcome:
        """Only incidents that one of these rules took part in; judging is over."""
        kept = tuple(i for i in self.incidents if rules & {i.lead, *i.rules})
        ids = {incident.id for incident in kept}
        return replace(
            self,
            incidents=kept,
            events=tuple(e for e in self.events if e.incident_id in ids),
            traffic={k: t for k, t in self.traffic.items() if k in ids},
        )
