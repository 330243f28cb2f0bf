"""One pass: read, judge, decide, write, tell. START READING HERE.

read -> engine.step -> store.commit -> engine.committed -> delivery
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from gpuwatch.engine.arrival import STEP_SECONDS, look_back, reach_seconds
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Step, merged
from gpuwatch.engine.view import View, view_of
from gpuwatch.errors import SourceError, StoreError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.message import Message
from gpuwatch.model.request import Request
from gpuwatch.model.snapshot import SOURCE, Snapshot
from gpuwatch.ports import Plan, Source, Store
from gpuwatch.telemetry import CYCLES, DROPPED, MESSAGES, RULE_KNOWN, STAGE_SECONDS

log = logging.getLogger("gpuwatch.cycle")
T = TypeVar("T")


def look_back_at(source: Source, engine: Engine, plan: Plan, fleet: Fleet) -> float:
    """Let the engine look back from now; the time of "now" by the source's clock."""
    now = source.read(plan, fleet).at
    reach = reach_seconds(engine.rules.values(), len(fleet))
    past = source.history(plan, fleet, now - reach, now - STEP_SECONDS, STEP_SECONDS)
    look_back(engine, past)
    return now


class Ways(Protocol):
    """What the cycle needs of delivery."""

    def wake(self) -> None:
        """There is something in the outbox."""

    def direct(self, message: Message) -> None:
        """Send past the store, marked "may repeat"."""

    @property
    def failing(self) -> Mapping[str, str]:
        """Receivers that refuse, and why."""


class Desk:
    """What people ask concerns all clusters: done when each has taken it up.

    A crash in between only means that a request is taken up again.
    """

    def __init__(self, clusters: Iterable[str]) -> None:
        self._open: dict[str, set[int]] = {cluster: set() for cluster in clusters}

    def untaken(self, cluster: str, requests: Sequence[Request]) -> Sequence[Request]:
        """Those that this cluster has not yet taken up."""
        return [r for r in requests if r.id not in self._open[cluster]]

    def taken(self, cluster: str, ids: Iterable[int]) -> tuple[int, ...]:
        """Note what a cluster took up; those that all of them have now."""
        self._open[cluster].update(ids)
        done = set.intersection(*self._open.values())
        for mine in self._open.values():
            mine.difference_update(done)
        return tuple(sorted(done))


@dataclass(frozen=True)
class Outcome:
    """How a cycle went; `good` = it read, judged and wrote."""

    view: View
    good: bool


class Cycle:
    """The cycle of one cluster. Not reentrant: one thread runs it."""

    def __init__(
        self,
        *,
        source: Source,
        engine: Engine,
        plan: Plan,
        store: Store,
        fleet: Fleet,
        ways: Ways,
        receivers: Sequence[str],
        desk: Desk | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.source, self.engine, self.store = source, engine, store
        self.fleet, self.ways, self.receivers = fleet, ways, receivers
        self.plan = plan
        self._desk = desk or Desk([fleet.cluster])
        self._clock = clock
        self._heard_at = 0.0
        self._source_ahead_seconds = 0.0
        self._good_at = 0.0
        self._unwritten: Step | None = None
        self._rebirths = store.rebirths
        self._store_trouble = ""
        self._fleet_written: tuple[int, ...] = ()
        self._took: dict[str, float] = {}

    def arrive(self) -> None:
        """Before the first pass: look back as far as the rules' windows reach.

        Without history (no Prometheus, or it fails) the first pass is the beginning.
        """
        is_new = not self.engine.knows_cluster
        try:
            look_back_at(self.source, self.engine, self.plan, self.fleet)
        except SourceError as error:
            log.warning("no look back at %s: %s", self.fleet.cluster, error)
        if is_new and self.engine.knows_cluster:
            self._unwritten = self.engine.whole(self._clock())

    @property
    def is_ahead_of_store(self) -> bool:
        """Whether something was decided that the store has refused so far."""
        return bool(self._store_trouble) and self._unwritten is not None

    def run(self) -> Outcome:
        """One whole pass."""
        snapshot = self._timed("read", self._read)
        requests = self._requests()
        step = self._timed("judge", lambda: self._step(snapshot, requests))
        written = self._timed("commit", lambda: self._commit(step))
        self.ways.wake()
        good = written and SOURCE not in snapshot.health
        if good:
            self._good_at, self._heard_at = snapshot.at, self._clock()
        view = view_of(self.engine, snapshot, self._good_at, self._took)
        view = replace(view, heard_at=self._heard_at)
        self._account(view, step, good=good)
        return Outcome(view, good)

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        began = time.perf_counter()
        done = work()
        self._took[stage] = time.perf_counter() - began
        STAGE_SECONDS.labels(self.fleet.cluster, stage).observe(self._took[stage])
        return done

    def _read(self) -> Snapshot:
        """The readings, or a blind snapshot that says why there are none."""
        try:
            snapshot = self.source.read(self.plan, self.fleet)
        except SourceError as error:
            log.warning("cannot read %s: %s", self.fleet.cluster, error)
            at = self._clock() + self._source_ahead_seconds
            snapshot = Snapshot.blind(self.fleet, at, str(error))
        else:
            self._source_ahead_seconds = snapshot.at - self._clock()
            self.fleet.welcome(snapshot.present.nonzero()[0].tolist())
        return replace(snapshot, health={**snapshot.health, **self._own_health()})

    def _own_health(self) -> Mapping[str, str]:
        ill = {f"delivery {name}": why for name, why in self.ways.failing.items()}
        if self._store_trouble:
            ill["store"] = self._store_trouble
        return ill

    def _requests(self) -> Sequence[Request]:
        try:
            asked = self.store.requests()
            return self._desk.untaken(self.fleet.cluster, asked)
        except StoreError as error:
            self._store_trouble = str(error)
            return ()

    def _step(self, snapshot: Snapshot, requests: Sequence[Request]) -> Step:
        step = self.engine.step(snapshot, requests)
        done = self._desk.taken(self.fleet.cluster, step.taken)
        step = replace(step, taken=done)
        if self._fleet_face() != self._fleet_written:
            step = replace(step, fleet_changed=True)
        return step

    def _fleet_face(self) -> tuple[int, ...]:
        fleet = self.fleet
        return (
            len(fleet.gpus),
            len(fleet.nodes),
            len(fleet.instances),
            hash(frozenset(fleet.retired)),
            hash(frozenset(fleet.retired_nodes)),
        )

    def _commit(self, step: Step) -> bool:
        """Write; if the store refuses, go on judging and keep the step for later."""
        whole = merged(self._unwritten, step) if self._unwritten else step
        try:
            self._write(whole)
        except StoreError as error:
            self._bear(step, whole, error)
            return False
        if self._store_trouble:
            log.warning("the store works again; nothing was lost")
        self._unwritten, self._store_trouble = None, ""
        self._fleet_written = self._fleet_face()
        self.engine.committed(step)
        return True

    def _write(self, step: Step) -> None:
        births = self.store.rebirths
        if births != self._rebirths:
            step = merged(self.engine.whole(step.at), step)
        self.store.commit(step, self.fleet, self.receivers)
        self._rebirths = births

    def _bear(self, step: Step, whole: Step, error: StoreError) -> None:
        if str(error) != self._store_trouble:
            log.error("the store refuses: %s", error)
        self._unwritten, self._store_trouble = whole, str(error)
        self.engine.committed(step)
        for message in step.messages:
            if message.urgent:
                self.ways.direct(message)

    def _account(self, view: View, step: Step, *, good: bool) -> None:
        CYCLES.labels(view.cluster, "good" if good else "bad").inc()
        for message in step.messages:
            MESSAGES.labels(message.reason.value).inc()
        for rule, known in view.coverage.known.items():
            RULE_KNOWN.labels(view.cluster, rule).set(known)
        for metric, count in view.dropped.items():
            DROPPED.labels(view.cluster, metric).inc(count)
        for event in step.events:
            log.info("%s %s: %s", event.incident_id, event.kind.value, event.text)
        for note in step.notes:
            log.warning("%s: rules %s", view.cluster, note)
