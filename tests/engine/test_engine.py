"""One cause, one incident, one message: the engine's promises."""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.engine.arrival import look_back
from gpuwatch.engine.step import Memory, merged
from gpuwatch.model.condition import Ending, State
from gpuwatch.model.identity import Gpu
from gpuwatch.model.message import Message, Reason, Tone
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.model.silence import Silence, parse_matcher
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from tests.engine.toys import POLL, Brake, Code, Hot, Silent, Site, said

HOUR = int(3600 / POLL)


def ask(site: Site, kind: RequestKind, target: str = "", **rest: object) -> Request:
    request = Request(kind, site.now, "ann", target, id=7)
    return replace(request, **rest)  # type: ignore[arg-type]


def test_a_healthy_fleet_says_nothing() -> None:
    site = Site()
    assert site.poll(200) == []
    assert site.open == []


def test_one_gpu_opens_one_incident_at_its_second_sample() -> None:
    site = Site(job="4211")
    site.bits[site.row(2, 3)] = 0x88
    assert site.poll() == []
    assert said(site.poll()) == ["card first!"]
    (incident,) = site.open
    assert (incident.scope, incident.nodes) == (Scope.GPU, ("n2",))
    assert (incident.job, incident.victims) == ("4211", 15)
    assert incident.started_at == site.now - 2 * POLL
    assert site.messages[0].text == "CRITICAL: brake · n2 GPU 3 · 15 s"


def test_it_is_resolved_on_the_same_card() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(4)
    site.bits.clear()
    messages = site.poll(6)
    assert said(messages) == ["card resolved", "note resolved"]
    assert len({m.card_id for m in site.messages}) == 1
    assert messages[0].card is not None
    assert messages[0].card.tone is Tone.RESOLVED


def test_eight_gpus_of_a_node_are_one_incident_grown_from_the_first() -> None:
    site = Site()
    site.bits[0] = 0x80
    site.poll(3)
    first = site.open[0].id
    site.bits.update(dict.fromkeys(range(8), 128))
    messages = site.poll(3)
    assert said(messages) == ["card wider", "note wider!"]
    (incident,) = site.open
    assert (incident.id, incident.scope) == (first, Scope.NODE)
    assert [m.gpu for m in incident.members] == list(range(8))


def test_a_symptom_joins_its_cause_without_a_word() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.heat[3] = 92
    assert said(site.poll(3)) == []
    (incident,) = site.open
    assert incident.lead == "brake"
    assert incident.rules == ("brake", "hot")


def test_a_symptom_that_came_first_hands_over_its_card() -> None:
    site = Site()
    site.heat[3] = 92
    site.poll(3)
    card = site.messages[0].card_id
    site.bits[3] = 0x80
    messages = site.poll(3)
    assert said(messages) == ["card worse", "note worse!"]
    (incident,) = site.open
    assert (incident.lead, incident.card_id) == ("brake", card)
    assert incident.severity is Severity.CRITICAL


def test_a_symptom_waits_while_its_cause_is_pending() -> None:
    site = Site()
    site.heat[3] = 92
    site.poll(1)
    site.bits[3] = 0x80
    assert site.poll(1) == []
    assert said(site.poll(1)) == ["card first!"]
    assert [i.lead for i in site.open] == ["brake"]


def test_two_gpus_on_two_nodes_are_two_incidents() -> None:
    site = Site(nodes=10)
    site.bits.update({site.row(1, 0): 0x80, site.row(7, 5): 0x80})
    assert said(site.poll(3)) == ["card first!", "card first!"]


def test_a_rack_that_goes_down_together_is_one_card() -> None:
    site = Site(nodes=20)
    site.down |= {4, 5, 6, 7}
    messages = site.poll(4)
    assert said(messages) == ["card first!"]
    (incident,) = site.open
    assert incident.scope is Scope.DOMAIN
    assert incident.nodes == ("n4", "n5", "n6", "n7")


def test_a_rack_that_is_noticed_in_two_polls_is_one_card() -> None:
    site = Site(nodes=20)
    site.down |= {4, 5}
    site.poll()
    site.down |= {6, 7}
    assert said(site.poll()) == ["card first!"]
    site.poll(3)
    (incident,) = site.open
    assert incident.nodes == ("n4", "n5", "n6", "n7")
    assert {m.card_id for m in site.messages} == {incident.card_id}


def test_a_blip_on_a_third_node_does_not_open_anything() -> None:
    site = Site(nodes=20)
    site.down |= {4}
    site.poll()
    site.down |= {5, 6}
    site.poll()
    site.down -= {5, 6}
    site.poll(5)
    assert [i.nodes for i in site.open] == [("n4",)]


def test_a_rack_that_goes_down_node_by_node_keeps_the_first_card() -> None:
    site = Site(nodes=20)
    for node in (4, 5, 6, 7):
        site.down.add(node)
        site.poll(2)
    site.poll(4)
    (incident,) = site.open
    told = {m.card_id for m in site.messages}
    first = site.messages[0].card_id
    assert incident.card_id == first
    assert len(incident.nodes) == 4
    ended = [i for i in site.engine.incidents if i.ending is Ending.ABSORBED]
    assert {i.card_id for i in ended if i.told} == told - {first}
    assert {i.merged_into for i in ended} == {incident.id}


def test_a_fatal_code_is_the_cause_and_silence_its_symptom() -> None:
    site = Site(rules=(Silent, Code, Hot, Brake))
    site.xids = [(3, 79)]
    assert said(site.poll()) == ["card first!"]
    site.down.add(1)
    site.poll(20)
    (incident,) = site.open
    assert (incident.lead, set(incident.rules)) == ("code", {"code", "silent"})


def test_a_code_of_an_hour_ago_does_not_swallow_a_silent_node() -> None:
    site = Site(rules=(Silent, Code))
    site.xids = [(3, 79)]
    site.poll(HOUR)
    site.down.add(1)
    site.poll(3)
    assert sorted(i.lead for i in site.open) == ["code", "silent"]


def test_two_codes_on_one_gpu_are_two_incidents() -> None:
    site = Site()
    site.xids = [(3, 48), (3, 74)]
    site.poll()
    assert len(site.open) == 2


def test_missing_data_never_resolves_and_says_so() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.lost.add(3)
    messages = site.poll(HOUR)
    assert {m.reason.value for m in messages} == {"update"}
    assert messages[0].card is not None
    assert messages[0].card.tone is Tone.UNKNOWN
    assert [i.lead for i in site.open] == ["brake"]


def test_a_new_card_in_the_slot_ends_it_as_replaced() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.lost.add(3)
    site.fleet.add(Gpu("n1", "GPU-new", index=3, model="H100"))
    messages = site.poll(2)
    (ended,) = [i for i in site.engine.incidents if i.state is State.RESOLVED]
    assert ended.ending is Ending.REPLACED
    assert "Ended" in messages[0].text
    assert messages[0].card is not None
    assert messages[0].card.tone is Tone.ENDED


def test_a_node_in_its_boot_grace_is_unknown() -> None:
    site = Site()
    site.energy_offset = dict.fromkeys(range(8), site.now - 1)
    site.bits.update(dict.fromkeys(range(8), 0x80))
    assert site.poll(int(600 / POLL)) == []
    assert said(site.poll(3)) == ["card first!"]


def test_a_code_ends_ten_minutes_after_a_reset() -> None:
    site = Site()
    site.xids = [(3, 79)]
    site.poll(4)
    site.energy_offset[3] = site.now - 1
    assert len(site.open) == 1
    site.poll(45)
    assert site.open == []
    ended = [i for i in site.engine.incidents if not i.open]
    assert [i.ending for i in ended] == [Ending.RECOVERED]


def test_it_comes_back_on_the_same_card_and_flapping_is_told_once() -> None:
    site = Site()
    for _ in range(6):
        site.bits[3] = 0x80
        site.poll(3)
        site.bits.clear()
        site.poll(8)
    assert len({m.card_id for m in site.messages}) == 1
    loud = [m for m in site.messages if m.broadcast]
    assert len(loud) == 3
    (incident,) = site.engine.incidents
    assert (incident.flapping, incident.reopened) == (True, 5)


def test_what_stood_on_arrival_is_one_card() -> None:
    site = Site(rules=())
    site.memory = Memory("c")
    site.rules = (Brake, Hot, Code, Silent)
    site.bits[3] = 0x80
    site.heat[12] = 93
    site.restarted()
    messages = site.poll(4)
    assert {m.card_id for m in messages} == {messages[0].card_id}
    assert messages[-1].text.startswith("Found on arrival in c: 2 incidents")
    site.heat.clear()
    later = site.poll(6)
    assert {m.card_id for m in later} == {messages[0].card_id}


def test_a_look_back_finds_arrivals_and_says_nothing() -> None:
    site = Site(rules=())
    site.memory = Memory("c")
    site.rules = (Brake, Hot)
    site.bits[3] = 0x80
    engine = site.restarted()
    for _ in range(4):
        step = engine.step(site.snapshot(), looking_back=True)
        assert step.messages == ()
        engine.committed(step)
        site.now += POLL
    messages = site.poll()
    assert said(messages) == ["card first!"]
    assert messages[0].card is not None
    assert messages[0].card.lines[0].startswith("Found on arrival")
    assert messages[0].text.endswith("· 60 s")


def test_a_past_that_shows_nobody_is_not_judged() -> None:
    site = Site()
    site.memory = Memory("c")
    site.down = {1, 2}
    engine = site.restarted()
    look_back(engine, [site.snapshot()])
    assert engine.memory.conditions == {}
    site.down = {1}
    look_back(engine, [site.snapshot()])
    (condition,) = engine.memory.conditions.values()
    assert (condition.rule, condition.subject.node) == ("silent", "n1")


def test_a_restart_neither_forgets_nor_repeats() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.restarted()
    assert site.poll(10) == []
    assert len(site.open) == 1


def test_looking_back_after_a_restart_is_no_reset_of_the_fleet() -> None:
    site = Site()
    site.now -= 300
    past = [site.snapshot()]
    site.now += 300
    site.poll(3)
    site.bits[3] = 0x80
    site.poll(3)
    engine = site.restarted()
    look_back(engine, past)
    site.bits[12] = 0x80
    assert said(site.poll(2)) == ["card first!"]
    assert [i.unknown_since for i in site.open] == [None, None]


def test_an_uncommitted_step_changes_nothing() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(1)
    snapshot = site.snapshot()
    first, second = site.engine.step(snapshot), site.engine.step(snapshot)
    assert first.messages == second.messages != ()
    assert site.engine.incidents == []


def test_steps_merge_for_a_store_that_was_away() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(6)
    both = merged(site.steps[1], site.steps[2])
    assert both.messages == site.steps[1].messages + site.steps[2].messages
    assert both.at == site.steps[2].at


def test_a_silence_hides_words_and_not_states() -> None:
    site = Site()
    silence = Silence(
        "s1", (parse_matcher("node=n1"),), site.now, site.now + 600, "ann", "swap"
    )
    site.poll(1, [ask(site, RequestKind.SILENCE, silence=silence)])
    site.bits[3] = 0x80
    assert site.poll(20) == []
    assert len(site.open) == 1
    assert said(site.poll(25)) == ["card first!"]


def test_an_ack_is_void_when_it_gets_wider() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.poll(1, [ask(site, RequestKind.ACK, site.open[0].id)])
    assert site.open[0].ack is not None
    site.bits.update(dict.fromkeys(range(8), 0x80))
    site.poll(3)
    assert site.open[0].ack is None


def hourly(site: Site, hours: int) -> list[Message]:
    """One poll an hour; the reminders among its messages."""
    told = site.now
    for _ in range(hours):
        site.now += 3600 - POLL
        site.poll()
    return [m for m in site.messages if m.reason is Reason.REMINDER and m.at > told]


def test_reminders_grow_and_an_ack_stops_them() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    assert said(hourly(site, 13)) == ["card reminder", "note reminder!"] * 2
    site.poll(1, [ask(site, RequestKind.ACK, site.open[0].id)])
    assert hourly(site, 30) == []


def test_a_person_closes_it_and_it_stays_closed_until_clean() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    messages = site.poll(1, [ask(site, RequestKind.CLOSE, site.open[0].id)])
    assert said(messages) == ["card resolved", "note resolved"]
    assert "closed by a person" in messages[0].text
    assert site.poll(20) == []


def test_a_forgotten_node_ends_as_retired() -> None:
    site = Site()
    site.down.add(2)
    site.poll(3)
    site.poll(2, [ask(site, RequestKind.FORGET, "n2")])
    (ended,) = [i for i in site.engine.incidents if not i.open]
    assert ended.ending is Ending.RETIRED


def test_a_switched_off_rule_ends_as_disabled() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.rules = (Hot, Code, Silent)
    site.restarted()
    site.poll(2)
    (ended,) = [i for i in site.engine.incidents if not i.open]
    assert ended.ending is Ending.DISABLED


def test_a_rule_that_raises_leaves_its_incidents_as_they_are() -> None:
    class Broken(Brake):
        def judge(self, window: Window) -> Verdicts:
            raise RuntimeError(f"bug at {window.now.at:.0f}")

    site = Site()
    site.bits[3] = 0x80
    site.poll(3)
    site.rules = (Broken, Hot)
    site.restarted()
    site.poll(50)
    assert [i.lead for i in site.open] == ["brake"]
    assert site.engine.coverage.failed["brake"].startswith("RuntimeError: bug at")


def test_two_polls_of_one_sample_count_once() -> None:
    site = Site()
    site.bits[3] = 0x80
    site.poll(1)
    snapshot = site.snapshot()
    repeated = replace(snapshot, at=site.now)
    frozen = dict(site.snapshot().columns)
    frozen["energy_joules"] = np.full(len(site.fleet), (site.now - POLL) * 500.0)
    for _ in range(5):
        step = site.engine.step(replace(repeated, columns=frozen, at=site.now))
        site.engine.committed(step)
        site.now += POLL
        assert step.messages == ()
    assert said(site.poll(1)) == ["card first!"]


@pytest.mark.parametrize("count", [5000])
def test_five_thousand_at_once_are_not_five_thousand_cards(count: int) -> None:
    site = Site(nodes=count // 8 + 1)
    site.bits.update(dict.fromkeys(range(count), 0x80))
    assert said(site.poll(3)) == ["card first!"]
