"""The cycle's own promises: requests, a broken store, a blind source."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gpuwatch.cycle import Cycle, Desk, Outcome
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.message import Message
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.rules.prometheus_unreachable import PrometheusUnreachable
from gpuwatch.rules.store_failing import StoreFailing
from gpuwatch.store.open import open_store
from tests.engine.toys import POLL, Site


def asked(*ids: int) -> list[Request]:
    return [Request(RequestKind.ACK, 0.0, "ann", id=i) for i in ids]


def test_a_request_is_done_when_every_cluster_took_it_up() -> None:
    desk = Desk(["a", "b"])
    assert desk.taken("a", [1, 2]) == ()
    assert [r.id for r in desk.untaken("a", asked(1, 2, 3))] == [3]
    assert [r.id for r in desk.untaken("b", asked(1, 2, 3))] == [1, 2, 3]
    assert desk.taken("b", [2]) == (2,)
    assert desk.taken("b", [1]) == (1,)


@pytest.mark.parametrize("ids", [(), (5,)])
def test_one_cluster_needs_nobody_else(ids: tuple[int, ...]) -> None:
    assert Desk(["a"]).taken("a", ids) == ids


@dataclass
class SiteSource:
    """The toy site as a source; `broken` makes it fail."""

    site: Site
    broken: str = ""
    cluster: str = "c"

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        del plan, fleet, at
        if self.broken:
            raise SourceError("heartbeat", self.broken)
        return self.site.snapshot()

    def history(
        self, plan: Plan, fleet: Fleet, start: float, end: float, step: float
    ) -> Iterator[Snapshot]:
        del plan, fleet, start, end, step
        return iter(())

    def close(self) -> None:
        """Nothing is held."""


class Told:
    """Ways out that only listen."""

    def __init__(self) -> None:
        self.directly: list[Message] = []
        self.failing: Mapping[str, str] = {}

    def wake(self) -> None:
        """Nothing sleeps."""

    def direct(self, message: Message) -> None:
        self.directly.append(message)


@dataclass
class Stage:
    """A cycle over the toy site, with a real store."""

    path: Path
    site: Site = field(default_factory=Site)

    def __post_init__(self) -> None:
        url = f"sqlite:///{self.path}"
        self.store = open_store(url, create=True, busy_timeout_seconds=0.1)
        self.source, self.ways = SiteSource(self.site), Told()
        own: tuple[type[Rule], ...] = (PrometheusUnreachable, StoreFailing)
        rules = self.site.rules + own
        engine = Engine([rule.configured({}) for rule in rules], Memory("c"))
        self.cycle = Cycle(
            source=self.source,
            engine=engine,
            plan=Plan(),
            store=self.store,
            fleet=self.site.fleet,
            ways=self.ways,
            receivers=["slack"],
            clock=lambda: self.site.now,
        )

    def run(self, times: int = 1) -> Outcome:
        for _ in range(times):
            outcome = self.cycle.run()
            self.site.now += POLL
        return outcome

    def queued(self) -> list[str]:
        return [p.message.text for p in self.store.due(self.site.now, 100)]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path / "gpuwatch.db")
    yield made
    made.store.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else holds the database."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.rollback()


def test_a_fault_is_in_the_store_and_in_the_outbox(stage: Stage) -> None:
    stage.run()
    stage.site.bits[3] = 0x80
    outcome = stage.run(3)
    assert outcome.good
    assert [i.lead for i in stage.store.incidents(open_only=True)] == ["brake"]
    assert len(stage.queued()) == 1
    assert stage.ways.directly == []


def test_a_locked_store_loses_nothing_and_critical_news_goes_out(stage: Stage) -> None:
    stage.run()
    stage.site.bits[3] = 0x80
    with locked(stage.path):
        assert not stage.run(4).good
    direct = [message.text for message in stage.ways.directly]
    assert any("brake" in text for text in direct)
    assert any("cannot write its memory" in text for text in direct)
    assert stage.run().good
    leads = {i.lead for i in stage.store.incidents(open_only=True)}
    assert leads == {"brake", "store_failing"}
    assert len(stage.queued()) == 2


def test_after_a_locked_store_a_restart_knows_everything(stage: Stage) -> None:
    stage.run()
    stage.site.bits[3] = 0x80
    with locked(stage.path):
        stage.run(4)
    stage.run()
    memory, fleet = stage.store.load("c")
    assert {c.rule for c in memory.conditions.values()} == {"brake", "store_failing"}
    assert len(fleet) == len(stage.site.fleet)


def test_a_blind_source_is_one_incident_and_resolves_nothing(stage: Stage) -> None:
    stage.run()
    stage.site.bits[3] = 0x80
    stage.run(3)
    stage.source.broken = "no connection"
    outcome = stage.run(100)
    assert not outcome.good
    assert "no connection" in outcome.view.health["prometheus"]
    leads = {i.lead for i in stage.store.incidents(open_only=True)}
    assert leads == {"brake", "prometheus_unreachable"}
    stage.source.broken = ""
    stage.run(5)
    leads = {i.lead for i in stage.store.incidents(open_only=True)}
    assert leads == {"brake"}


def test_an_acknowledgement_is_taken_up_once(stage: Stage) -> None:
    stage.run()
    stage.site.bits[3] = 0x80
    stage.run(3)
    (incident,) = stage.store.incidents(open_only=True)
    stage.store.ask(Request(RequestKind.ACK, stage.site.now, "ann", incident.id))
    stage.run()
    acked = stage.store.incident(incident.id)
    assert acked is not None
    assert acked.ack is not None
    assert acked.ack.by == "ann"
    assert stage.store.requests() == []
