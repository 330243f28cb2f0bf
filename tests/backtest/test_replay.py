"""The engine over snapshots of the past: what is listed, counted and kept apart."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from gpuwatch.backtest.outcome import Outcome, Traffic
from gpuwatch.backtest.replay import judge
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.condition import Ending
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.rules.gpu_missing import GpuMissing
from tests.engine.toys import POLL, Brake, Hot, Site

HARDWARE = 0x88
WINDOW = (1_000_000.0, 1_000_900.0, POLL)


def engine(*rules: type[Rule], **params: object) -> Engine:
    chosen = rules or (Brake, Hot)
    return Engine([rule.configured(dict(params)) for rule in chosen], Memory("c"))


class Tape:
    """A site's snapshots, recorded; second 0 is the first of them."""

    def __init__(self, site: Site | None = None) -> None:
        self.site = site or Site(job="4211")
        self.zero = self.site.now
        self.snapshots: list[Snapshot] = []

    def record(self, polls: int) -> None:
        for _ in range(polls):
            self.snapshots.append(self.site.snapshot())
            self.site.now += POLL

    def fault(self, polls: int, row: int = 3) -> None:
        self.site.bits[row] = HARDWARE
        self.record(polls)
        del self.site.bits[row]

    def judged(self, start: float = 0.0, *engines: Engine) -> list[Outcome]:
        last = self.snapshots[-1].at
        chosen = engines or (engine(),)
        return judge(chosen, iter(self.snapshots), self.zero + start, last, POLL)


def test_a_fault_is_found_with_its_place_and_its_first_bad_sample() -> None:
    tape = Tape()
    tape.record(40)
    tape.fault(20)
    tape.record(20)
    (outcome,) = tape.judged(start=20 * POLL)
    (incident,) = outcome.incidents
    assert (incident.lead, incident.nodes) == ("brake", ("n1",))
    assert incident.members[0].gpu == 3
    assert incident.started_at - tape.zero == 40 * POLL
    assert incident.detected_at - tape.zero == 41 * POLL
    assert incident.ending is Ending.RECOVERED
    assert not incident.arrival
    assert (outcome.gpus, outcome.nodes) == (16, 2)
    assert [event.kind.value for event in outcome.events] == ["opened", "resolved"]


def test_what_would_have_been_said_is_counted() -> None:
    tape = Tape()
    tape.record(4)
    tape.fault(20)
    tape.record(20)
    (outcome,) = tape.judged()
    (incident,) = outcome.incidents
    said = outcome.traffic_of(incident.id)
    assert said == Traffic(posts=1, edits=1, notes=1, broadcasts=0, pages=1)
    assert said.messages == 2
    assert outcome.total == said


def test_a_healthy_fleet_has_no_incident_and_no_traffic() -> None:
    tape = Tape()
    tape.record(240)
    (outcome,) = tape.judged()
    assert not outcome.incidents
    assert not outcome.events
    assert outcome.total == Traffic()
    assert outcome.days == pytest.approx(239 * POLL / 86_400)


def test_what_ended_before_the_start_is_not_listed() -> None:
    tape = Tape()
    tape.record(4)
    tape.fault(8)
    tape.record(30)
    start = 40 * POLL
    (outcome,) = tape.judged(start)
    assert not outcome.incidents
    assert not outcome.events
    assert len(tape.judged(20 * POLL)[0].incidents) == 0
    assert len(tape.judged(10 * POLL)[0].incidents) == 1


def test_what_stands_at_the_start_was_found_on_arrival() -> None:
    tape = Tape()
    tape.record(4)
    tape.fault(30)
    tape.record(20)
    (outcome,) = tape.judged(start=20 * POLL)
    (incident,) = outcome.incidents
    assert incident.arrival
    assert incident.started_at - tape.zero == 4 * POLL
    assert outcome.traffic_of(incident.id).posts == 1


def test_the_same_history_gives_the_same_outcome() -> None:
    tape = Tape()
    tape.record(4)
    tape.fault(10)
    tape.fault(10, row=12)
    tape.record(30)
    assert tape.judged() == tape.judged()


def test_two_configurations_are_judged_apart_over_one_reading() -> None:
    tape = Tape()
    tape.record(4)
    tape.fault(20)
    tape.record(30)
    mine, patient, blind = tape.judged(
        0.0, engine(), engine(hold=120.0), engine(enabled=False)
    )
    assert [len(one.incidents) for one in (mine, patient, blind)] == [1, 1, 0]
    late = patient.incidents[0].detected_at - mine.incidents[0].detected_at
    assert late == 105.0
    assert mine == tape.judged()[0]


def test_only_a_rule_that_never_saw_is_blind() -> None:
    tape = Tape()
    tape.record(3)
    seen = tape.snapshots
    bare = {name: column * np.nan for name, column in seen[1].columns.items()}
    tape.snapshots = [seen[0], Snapshot(**{**vars(seen[1]), "columns": bare}), seen[2]]
    (outcome,) = tape.judged()
    assert outcome.coverage.missing == {}
    tape.snapshots = [Snapshot(**{**vars(s), "columns": bare}) for s in seen]
    (outcome,) = tape.judged()
    assert outcome.coverage.missing == {
        "brake": ("throttle_reasons",),
        "hot": ("gpu_temperature_celsius",),
    }


def test_only_incidents_of_some_rules_can_be_kept() -> None:
    tape = Tape()
    tape.record(4)
    tape.site.heat[12] = 95.0
    tape.fault(20)
    (outcome,) = tape.judged()
    assert {incident.lead for incident in outcome.incidents} == {"brake", "hot"}
    kept = outcome.of_rules(frozenset({"hot"}))
    assert [incident.lead for incident in kept.incidents] == ["hot"]
    assert {e.incident_id for e in kept.events} == {kept.incidents[0].id}
    assert list(kept.traffic) == [kept.incidents[0].id]


def grown(polls: Sequence[Sequence[int]]) -> Iterator[Snapshot]:
    """One snapshot a poll of a fleet that already holds all rows that ever come.

    Each poll names the rows that are alive; rows 0 to 7 are cards of node a, the rest
    the same cards, moved to node b.
    """
    fleet = Fleet("c")
    for place in range(16):
        node, card = ("a", "b")[place // 8], place % 8
        fleet.add(Gpu(node, f"GPU-{card}", index=card, model="H100"))
    rows = 0
    for number, alive in enumerate(polls):
        rows, now = max(rows, max(alive) + 1), 1_000_000.0 + POLL * number
        sampled = np.full(rows, np.nan)
        sampled[list(alive)] = now
        columns = {"gpu_temperature_celsius": np.where(np.isnan(sampled), np.nan, 50.0)}
        up = {"exporter_up": np.ones(2)}
        yield Snapshot("c", now, fleet, columns, sampled, node_columns=up)


def test_a_gpu_that_comes_later_is_not_missed_before() -> None:
    polls = [range(8)] * 20 + [range(16)] * 20
    (outcome,) = judge([engine(GpuMissing)], grown(polls), *WINDOW)
    assert outcome.incidents == ()
    assert (outcome.gpus, outcome.nodes) == (16, 2)


def test_a_card_that_was_moved_is_not_missed_and_one_that_was_not_is() -> None:
    before, moved = [range(8)] * 20, [0, 1, 2, 3, 4, 5, 6, 15]
    found = {}
    for name, alive in {"moved": moved, "lost": range(7)}.items():
        past = grown([*before, *[alive] * 40])
        (found[name],) = judge([engine(GpuMissing)], past, *WINDOW)
    assert found["moved"].incidents == ()
    assert [i.members[0].gpu for i in found["lost"].incidents] == [7]
