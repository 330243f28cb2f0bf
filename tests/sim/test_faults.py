import pytest

from gpuwatch.sim.faults import KINDS, Fault, Timetable
from gpuwatch.sim.fleet import SimFleet


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("thermal:node-03:5@10-60", Fault("thermal", "node-03", 5, 10, 60)),
        ("power_brake:node-02@30", Fault("power_brake", "node-02", None, 30)),
        ("power_brake:node-02@30-", Fault("power_brake", "node-02", None, 30)),
        ("xid:79:node-03:5@1m-2m", Fault("xid", "node-03", 5, 60, 120, code=79)),
        ("job_end@0.5h", Fault("job_end", start_seconds=1800)),
        ("hang:node-01:2@5-9s", Fault("hang", "node-01", 2, 5, 9)),
        (
            "clock_locked:node-01:0@1-2,percent=12.5",
            Fault("clock_locked", "node-01", 0, 1, 2, percent=12.5),
        ),
        (
            "thermal:node-01:0@1-2,bits=0x20,percent=40",
            Fault("thermal", "node-01", 0, 1, 2, bits=0x20, percent=40),
        ),
    ],
)
def test_a_fault_is_read_from_text(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "melt:node-01:0@1-2",
        "thermal@1-2",
        "thermal:node-01:x@1-2",
        "thermal:node-01:0:0@1-2",
        "thermal:node-01:0@soon",
        "thermal:node-01:0@20-10",
        "thermal:node-01:0@1-2,colour=1",
        "thermal:node-01:0@1-2,percent=much",
        "xid:node-01:0@1-2",
        "xid@1",
    ],
)
def test_an_unreadable_fault_is_named_with_the_valid_kinds(text: str) -> None:
    with pytest.raises(ValueError, match="kinds are thermal") as caught:
        Fault.parse(text)
    message = str(caught.value)
    assert repr(text) in message
    assert "\n" not in message
    assert all(kind in message for kind in KINDS)


@pytest.mark.parametrize("fault", [("node-09", 0), ("node-01", 8), ("rack-1", None)])
def test_a_fleet_refuses_a_place_it_does_not_have(fault: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"^no (node|GPU)"):
        SimFleet().add(Fault("thermal", *fault))


def test_a_reboot_and_a_gap_end_by_themselves() -> None:
    assert Fault.parse("reboot:node-01@10").end_seconds == 70
    assert Fault.parse("gap:node-01@10").end_seconds == 20


def test_a_fault_can_be_moved_in_time() -> None:
    moved = Fault.parse("hot:node-01:0@1-2").shifted(100)
    assert (moved.start_seconds, moved.end_seconds) == (101, 102)
    assert Fault.parse("hot:node-01:0@1").shifted(5).end_seconds is None


def test_the_timetable_tells_beginnings_and_ends_once() -> None:
    fault = Fault.parse("hot:node-01:0@10-20")
    table = Timetable([fault])
    assert table.turn(9.9) == ([], [])
    assert table.turn(10) == ([fault], [])
    assert table.turn(19.9) == ([], [])
    assert table.active == [fault]
    assert table.turn(20) == ([], [fault])
    assert table.turn(99) == ([], [])


def test_a_fault_that_was_leapt_over_still_begins_and_ends() -> None:
    fault = Fault.parse("ecc:node-01:0@10-20")
    assert Timetable([fault]).turn(30) == ([fault], [fault])


def test_a_fault_ends_when_it_is_told_to() -> None:
    fault, later = Fault.parse("ecc:node-01:0@10"), Fault.parse("hot:node-01:0@90")
    table = Timetable([fault, later])
    assert table.turn(10) == ([fault], [])
    for one in (fault, later):
        table.end(one, 30)
    _, ended = table.turn(30)
    assert [one.end_seconds for one in ended] == [30]
    assert table.turn(100) == ([], [])
