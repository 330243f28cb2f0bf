"""History through the very same engine: time is told, delivery is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from gpuwatch.backtest.mirror import Mirror
from gpuwatch.backtest.outcome import Outcome
from gpuwatch.backtest.stretch import WARM_UP_SECONDS, Stretch
from gpuwatch.backtest.tally import Tally
from gpuwatch.engine.engine import Engine
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan, Source

Progress = Callable[[float], None]


class Core(Protocol):
    """What judges one cluster; `app.Core` is one."""

    source: Source
    engine: Engine
    fleet: Fleet
    plan: Plan


def silent(_at: float) -> None:
    """Tells nobody how far it is."""


def replay(  # noqa: PLR0917  a place and its times, in their order
    core: Core,
    start: float,
    end: float,
    step: float,
    warm_up_seconds: float = WARM_UP_SECONDS,
    progress: Progress = silent,
) -> Outcome:
    """Judge a source's history from start to end (Unix seconds), every `step` seconds.

    The warm-up before `start` fills the rules' windows and baselines. `progress` is
    told the time of each reading, warm-up included. The core's engine must be fresh.
    SourceError when the history cannot be read.
    """
    begin = Stretch(start, end, step, warm_up_seconds).begin
    past = core.source.history(core.plan, core.fleet, begin, end, step)
    return judge([core.engine], past, start, end, step, progress=progress)[0]


def judge(
    engines: Sequence[Engine],
    snapshots: Iterable[Snapshot],
    start: float,
    end: float,
    step: float,
    *,
    progress: Progress = silent,
) -> list[Outcome]:
    """Every engine's outcome over one reading of history, oldest snapshot first.

    Snapshots before `start` are warm-up. Several engines are several configurations.
    """
    trials = [Trial(engine, start, end, step) for engine in engines]
    for snapshot in snapshots:
        for trial in trials:
            trial.take(snapshot)
        progress(snapshot.at)
    return [trial.outcome() for trial in trials]


class Trial:
    """One engine on its way through history, and what it has told so far."""

    def __init__(self, engine: Engine, start: float, end: float, step: float) -> None:
        self._engine = engine
        self._start, self._end, self._step = start, end, step
        self._mirror = Mirror(engine.memory.cluster)
        self._tally = Tally()
        self._incidents: dict[str, Incident] = {}
        self._events: list[Event] = []

    def take(self, snapshot: Snapshot) -> None:
        """Judge one snapshot; in the warm-up nothing is said.

        What stands at the start was found on arrival. Before anybody was there to be
        seen there is nothing to judge.
        """
        warm_up = snapshot.at < self._start
        if warm_up and not snapshot.present.any():
            return
        own = self._mirror.own(snapshot)
        step = self._engine.step(own, looking_back=warm_up)
        self._engine.committed(step)
        self._incidents.update({i.id: i for i in step.incidents})
        if warm_up:
            return
        self._events += step.events
        self._tally.count(step.messages)
        self._tally.see(self._engine.coverage, own.unread)

    def outcome(self) -> Outcome:
        """What was found from start to end."""
        found = [i for i in self._incidents.values() if self._stood(i)]
        ids = {incident.id for incident in found}
        fleet = self._mirror.fleet
        return Outcome(
            cluster=fleet.cluster,
            start=self._start,
            end=self._end,
            step=self._step,
            incidents=tuple(sorted(found, key=lambda i: (i.detected_at, i.id))),
            events=tuple(event for event in self._events if event.incident_id in ids),
            traffic=dict(self._tally.traffic),
            gpus=len(fleet),
            nodes=len(fleet.nodes),
            coverage=self._tally.coverage,
            unread=dict(self._tally.unread),
        )

    def _stood(self, incident: Incident) -> bool:
        """Not one that had ended before the start."""
        return incident.open or (incident.resolved_at or 0.0) >= self._start
