"""gpuwatch's own incidents as alerts: whom each named, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.accuracy.alerts import NEVER, Alert, Named, whole_nodes
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.replay import Trial
from gpuwatch.engine.engine import Engine
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.model.snapshot import Snapshot


@dataclass
class Story:
    """One incident on its way: when it became loud, and whom it named when."""

    told_at: float
    first: Incident
    last: Incident
    named: dict[tuple[str, int | None], float] = field(default_factory=dict)

    def take(self, incident: Incident, at: float) -> None:
        """What it says at a time (Unix seconds)."""
        self.last = incident
        places = [(m.node, m.gpu) for m in incident.members if m.node]
        for place in places or [(node, None) for node in incident.nodes]:
            self.named.setdefault(place, at)


class Witness:
    """Drives a trial and notes what was loud, as it was when it was told.

    An outcome only keeps each incident's last face: an incident may have been wider,
    or louder, before.
    """

    def __init__(self, engine: Engine, start: float, end: float, step: float) -> None:
        self._engine, self._start = engine, start
        self._trial = Trial(engine, start, end, step)
        self._stories: dict[str, Story] = {}

    def watch(self, snapshots: Iterable[Snapshot]) -> Outcome:
        """Judge them all."""
        for snapshot in snapshots:
            self._trial.take(snapshot)
            self._note(snapshot.at)
        return self._trial.outcome()

    def _note(self, at: float) -> None:
        for incident in self._engine.incidents:
            story = self._stories.get(incident.id)
            loud = incident.open and incident.severity >= Severity.WARNING
            if story is None and loud and at >= self._start and not incident.arrival:
                story = self._stories[incident.id] = Story(at, incident, incident)
            if story is not None:
                story.last = incident
                if loud:
                    story.take(incident, at)

    def alerts(self, outcome: Outcome, zero: float, gpus_per_node: int) -> list[Alert]:
        """All that was loud, on a clock that starts at `zero` (Unix seconds)."""
        return [
            _alert(story, outcome, zero, gpus_per_node)
            for story in self._stories.values()
        ]


def _alert(story: Story, outcome: Outcome, zero: float, gpus_per_node: int) -> Alert:
    incident = story.last
    places = tuple(
        Named(node, gpu, at - zero) for (node, gpu), at in story.named.items()
    )
    ended = incident.resolved_at
    return Alert(
        rule=story.first.lead,
        told_at=story.told_at - zero,
        ended_at=NEVER if ended is None else ended - zero,
        places=places,
        whole_nodes=whole_nodes(places, gpus_per_node),
        about_job=Scope.JOB in (story.first.scope, incident.scope),
        messages=outcome.traffic_of(incident.id).messages,
        absorbed=incident.merged_into is not None,
    )
