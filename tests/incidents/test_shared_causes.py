"""One shared cause over many GPUs is one incident, grown out of the first one told."""

import pytest

from gpuwatch.model.condition import Ending
from gpuwatch.model.severity import Scope
from tests.incidents.causes import CRITICAL, INFO, WARNING, Site

RACKS = {"r1": range(1, 5), "r2": range(5, 9), "r3": range(9, 13)}
# (rule, node, GPU or None = all eight, seconds after the first) ... -> nodes of each
# incident in the end
GROUPS = [
    pytest.param([("heat", 1, 0, 0), ("heat", 2, 0, 60)], 2, id="two faults are two"),
    pytest.param(
        [("heat", 1, 0, 0), ("heat", 6, 0, 30), ("heat", 11, 0, 90)],
        1,
        id="three nodes within two minutes",
    ),
    pytest.param(
        [("heat", 1, 0, 0), ("heat", 6, 0, 180), ("heat", 11, 0, 360)],
        3,
        id="three nodes of three racks in six minutes",
    ),
    pytest.param(
        [("heat", 1, 0, 0), ("heat", 2, 0, 240), ("heat", 3, 0, 480)],
        1,
        id="a rack that heats node by node",
    ),
    pytest.param(
        [("heat", 1, 0, 0), ("heat", 2, 0, 660), ("heat", 3, 0, 1380)],
        3,
        id="the same rack, but hours would pass",
    ),
    pytest.param(
        [("heat", 1, None, 0), ("heat", 2, None, 300)],
        1,
        id="half of a rack, all GPUs of two nodes",
    ),
    pytest.param(
        [("heat", 1, None, 0), ("heat", 6, None, 60)],
        2,
        id="two nodes of two racks",
    ),
    pytest.param(
        [("heat", 1, 0, 0), ("warm", 2, 0, 240), ("warm", 3, 0, 480)],
        1,
        id="one family of rules",
    ),
    pytest.param(
        [("heat", 1, 0, 0), ("brake", 2, 0, 30), ("ecc", 3, 0, 60)],
        3,
        id="three kinds of trouble in one rack",
    ),
    pytest.param(
        [("brake", 1, None, 0), ("brake", 5, None, 195), ("brake", 8, None, 405)],
        1,
        id="more than a fifth of a job in ten minutes",
    ),
    pytest.param(
        [("brake", 1, 0, 0), ("brake", 5, 0, 195), ("brake", 8, 0, 405)],
        3,
        id="three GPUs of a job in ten minutes",
    ),
]


def grown(site: Site, findings: list[tuple[str, int, int | None, int]]) -> None:
    for moment in range(0, 1500, 15):
        for rule, node, gpu, after in findings:
            if after != moment:
                continue
            for slot in range(8) if gpu is None else [gpu]:
                site.say(rule, site.gpu(node, slot))
        site.poll()


@pytest.mark.parametrize(("findings", "count"), GROUPS)
def test_group(findings: list[tuple[str, int, int | None, int]], count: int) -> None:
    site = Site(nodes=24, racks={**RACKS, "r4": range(13, 25)})
    grown(site, findings)
    assert len(site.open) == count
    if count > 1:
        return
    (one,) = site.open
    assert one.card_id == site.messages[0].card_id
    assert len(one.nodes) == len({node for _, node, _, _ in findings})
    ended = [i for i in site.engine.incidents if not i.open]
    assert {i.ending for i in ended} <= {Ending.ABSORBED}
    assert {i.merged_into for i in ended} <= {one.id}


def test_the_louder_rule_of_the_family_speaks_for_all() -> None:
    site = Site(racks=RACKS)
    for node in (1, 2, 3):
        site.say("warm", site.gpu(node, 0), WARNING)
        site.poll(2)
    first = site.open[0].id
    site.say("heat", site.gpu(4, 0), CRITICAL)
    site.poll(3)
    (one,) = site.open
    assert (one.id, one.lead, one.severity) == (first, "heat", CRITICAL)
    assert one.nodes == ("n1", "n2", "n3", "n4")


def test_a_rack_is_named_in_the_words() -> None:
    site = Site(racks=RACKS)
    for node in (1, 2, 3):
        site.say("heat", site.gpu(node, 0))
    site.poll(2)
    (one,) = site.open
    assert (one.place, one.scope) == ("rack r1", Scope.CLUSTER)
    card = site.messages[-1].card
    assert card is not None
    assert card.headline == "CRITICAL: heat · 3 GPUs on 3 nodes, all in rack r1 · 0 s"


def test_a_place_that_everybody_shares_is_not_named() -> None:
    site = Site(racks={"r1": range(1, 13)})
    for node in (1, 2, 3):
        site.say("heat", site.gpu(node, 0))
    site.poll(2)
    assert [i.place for i in site.open] == [""]


def test_a_whole_node_is_named_so() -> None:
    site = Site()
    for gpu in range(8):
        site.say("heat", site.gpu(5, gpu))
    site.poll(2)
    (one,) = site.open
    assert (one.place, one.scope) == ("all GPUs of n5", Scope.NODE)
    site.unsay("heat", site.gpu(5, 0))
    site.poll(8)
    assert [i.place for i in site.open] == [""]


def test_notes_do_not_widen_what_is_louder() -> None:
    site = Site(racks=RACKS)
    site.say("heat", site.gpu(1, 0), CRITICAL)
    site.poll(2)
    for node in (1, 2, 3):
        site.say("heat", site.gpu(node, 5), INFO)
    site.poll(2)
    loud = site.open[0]
    assert (loud.nodes, len(loud.members)) == (("n1",), 1)
    assert site.messages[-1].reason.value == "first"


def test_a_late_member_of_a_rack_joins_what_is_told() -> None:
    site = Site(racks=RACKS)
    for node in (1, 2, 3):
        site.say("heat", site.gpu(node, 0))
    site.poll(30)
    site.say("heat", site.gpu(4, 0))
    site.poll(3)
    assert [len(i.nodes) for i in site.open] == [4]


def test_two_racks_are_two() -> None:
    site = Site(nodes=40, racks={**RACKS, "r4": range(13, 41)})
    for node in (1, 2, 3):
        site.say("heat", site.gpu(node, 0))
    site.poll(20)
    for node in (5, 6, 7):
        site.say("heat", site.gpu(node, 0))
    site.poll(3)
    assert [i.place for i in site.open] == ["rack r1", "rack r2"]
