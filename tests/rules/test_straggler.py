"""Row 0 beside seven, or more, that run at 2000 MHz."""

from dataclasses import replace

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.straggler import Straggler
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of
from tests.rules.clocks import CAPPED, PLAIN, ROWS, eight, kept
from tests.rules.crews import crewed, first, several


def mark(window: Window) -> str:
    """Of row 0, when nobody else fires."""
    told = marks(judge(Straggler, window))
    assert "F" not in told[1:]
    return told[0]


@pytest.mark.parametrize(
    ("bits", "seconds", "faulty", "healthy"),
    [
        # 8 % where nothing caps, 10 % under a cap or where nobody can tell
        (PLAIN, "120", "1839", "1841"),
        ("0x1", "120", "1839", "1841"),
        ("0x2", "120", "1839", "1841"),
        (CAPPED, "120", "1799", "1801"),
        ("0x6", "120", "1799", "1801"),
        ("_", "120", "1799", "1801"),
        # half as much again before the usual place is known
        (PLAIN, "119", "1759", "1761"),
        (CAPPED, "119", "1699", "1701"),
        ("_", "_", "1699", "1701"),
    ],
)
def test_thresholds(bits: str, seconds: str, faulty: str, healthy: str) -> None:
    told = [
        mark(crewed(eight(c, bits=bits, seconds=seconds))) for c in (faulty, healthy)
    ]
    assert told == ["F", "."]


@pytest.mark.parametrize(
    ("offset", "faulty", "healthy"),
    [
        # usually 5 % below: 8 % more is a fault
        ("-0.05", "1739", "1741"),
        # usually 4 % above: the peers decide, from 65 % of the limit on
        ("0.04", "1895", "1897"),
        # 8 % below its habit and no slower than anybody is no straggler
        ("0.06", "1895", "1960"),
    ],
)
def test_beside_its_own_habit(offset: str, faulty: str, healthy: str) -> None:
    habit = first(offset, "0", ROWS)
    told = [mark(crewed(kept(eight(c), clock_offset=habit))) for c in (faulty, healthy)]
    assert told == ["F", "."]


@pytest.mark.parametrize(
    ("bits", "faulty", "better"), [(PLAIN, "1887", "1889"), (CAPPED, "1859", "1861")]
)
def test_a_suspect_is_clear_only_when_clearly_better(
    bits: str, faulty: str, better: str
) -> None:
    suspected = first("1", "nan", ROWS)
    for clock, expected in ((faulty, "F"), (better, ".")):
        window = eight(clock, bits=bits)
        assert mark(crewed(kept(window, suspect=suspected))) == expected
        assert mark(crewed(window)) == "."


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (first("2469", "2600", ROWS), "F"),
        (first("2471", "2600", ROWS), "."),
        (first("_", "2600", ROWS), "."),
        # fewer than six that are known
        (several((1, "1300"), (4, "2600"), (3, "_")), "."),
        ("1300", "."),
    ],
)
def test_memory_clock(memory: str, expected: str) -> None:
    assert mark(crewed(eight("2000", memory_clock_megahertz=memory))) == expected


@pytest.mark.parametrize(
    ("clock", "expected"), [("399", "?"), ("401", "F"), ("345", "?"), ("_", "?")]
)
def test_an_idle_state_between_two_steps_is_no_fault(clock: str, expected: str) -> None:
    assert mark(crewed(eight(clock))) == expected


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(eight("1000"), id="no crew"),
        pytest.param(crewed(eight("1000"), steady="0"), id="gate closed"),
        pytest.param(
            crewed(eight("2000", memory_clock_megahertz=first("1300", "2600", ROWS)),
                   steady="0"),
            id="gate closed for the memory clock too",
        ),
        pytest.param(crewed(eight("1000"), groups=first("_", "0", ROWS)), id="alone"),
        pytest.param(
            crewed(eight("1000"), groups=several((5, "0"), (3, "1"))), id="five peers"
        ),
        pytest.param(
            crewed(eight("1000", utilization_percent=several((5, "100"), (3, "0")),
                         power_watts=several((5, "650"), (3, "80")))),
            id="five at work",
        ),
        pytest.param(
            crewed(eight("1000", utilization_percent=first("10", "100", ROWS),
                         power_watts=first("80", "650", ROWS))),
            id="idle",
        ),
        pytest.param(
            crewed(eight("1000", utilization_percent="_", power_watts="_",
                         throttle_reasons="_")),
            id="no sign of work",
        ),
    ],
)  # fmt: skip
def test_unknown(window: Window) -> None:
    assert mark(window) == "?"


def test_six_at_work_are_enough() -> None:
    busy = several((6, "100"), (2, "0"))
    watts = several((6, "650"), (2, "80"))
    window = eight("1839", utilization_percent=busy, power_watts=watts)
    assert marks(judge(Straggler, crewed(window))) == "F.....??"


def test_absent_rows_are_unknown_and_nobodys_peers() -> None:
    window = window_of(
        fleet_of(gpus=ROWS),
        sm_clock_megahertz="1839 2000 2000 2000 2000 2000 1000 1000",
        utilization_percent="100",
        sample_age_seconds="0 0 0 0 0 0 _ _",
        throttle_reasons=PLAIN,
        kept={"clock_seconds": "120 " * 8},
    )
    assert marks(judge(Straggler, crewed(window))) == "F.....??"


def test_says_who_is_under_load() -> None:
    watts, busy = first("80", "650", ROWS), first("10", "100", ROWS)
    window = eight("1000", power_watts=watts, utilization_percent=busy)
    loaded = judge(Straggler, crewed(window, steady="0")).loaded
    assert loaded is not None
    assert loaded.tolist() == [False] + [True] * 7


def test_groups_are_compared_apart() -> None:
    clocks = several((1, "1839"), (7, "2000"), (1, "1379"), (7, "1500"))
    window = window_of(
        fleet_of(nodes=2, gpus=8),
        sm_clock_megahertz=clocks,
        utilization_percent="100",
        throttle_reasons=PLAIN,
        kept={"clock_seconds": "120 " * 16},
    )
    told = judge(Straggler, crewed(window, several((8, "0"), (8, "1"))))
    assert marks(told) == "F......." * 2


@pytest.mark.parametrize(("clock", "expected"), [("1747", "F"), ("1749", ".")])
def test_who_waits_may_clock_higher_than_at_the_stride(
    clock: str, expected: str
) -> None:
    window = crewed(eight(clock), kept_megahertz="1900")
    assert mark(window) == expected


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        # four of ten are stragglers, five of eleven are another kind of work
        (several((4, "1700"), (6, "2000")), "FFFF......"),
        (several((5, "1700"), (6, "2000")), "..........."),
        # far below that crowd is one all the same
        (several((1, "1359"), (4, "1700"), (6, "2000")), "F.........."),
        (several((1, "1361"), (4, "1700"), (6, "2000")), "..........."),
    ],
)
def test_a_crowd(clocks: str, expected: str) -> None:
    rows = len(expected)
    window = window_of(
        fleet_of(gpus=rows),
        sm_clock_megahertz=clocks,
        utilization_percent="100",
        throttle_reasons=PLAIN,
        kept={"clock_seconds": "120 " * rows},
    )
    assert marks(judge(Straggler, crewed(window))) == expected


@pytest.mark.parametrize(
    ("clock", "pace", "expected"),
    [
        ("1601", "0.91", "W"),
        ("1599", "0.91", "C"),
        ("1839", "0.90", "C"),
        ("1839", "_", "W"),
    ],
)
def test_severity(clock: str, pace: str, expected: str) -> None:
    verdicts = judge(Straggler, crewed(eight(clock), pace=pace))
    assert levels(Straggler, verdicts)[0] == expected


def test_a_configured_severity_is_the_most() -> None:
    rule = Straggler.configured({"severity": "warning"})
    assert levels(rule, judge(rule, crewed(eight("1000"))))[0] == "W"


def test_own_thresholds() -> None:
    rule = Straggler.configured({"lost_percent": 4, "memory_lost_percent": 20})
    memory = first("2100", "2600", ROWS)
    told = [
        marks(judge(rule, crewed(eight(clock, memory_clock_megahertz=memory))))[0]
        for clock in ("1919", "1921")
    ]
    assert told == ["F", "."]


HEAT, MEMORY = "gpu_temperature_celsius", "memory_clock_megahertz"


@pytest.mark.parametrize(
    ("metric", "value", "others", "summary"),
    [
        (HEAT, "_", "_", "SM clock 1700 MHz, 15 % below its peers"),
        (HEAT, "74", "60", "SM clock 1700 MHz, 15 % below its peers"),
        (
            HEAT,
            "75",
            "60",
            "SM clock 1700 MHz, 15 % below its peers, and 75 °C, 15 °C hotter",
        ),
        (MEMORY, "2400", "2600", "SM clock 1700 MHz, 15 % below its peers"),
        (MEMORY, "1300", "2600", "Memory clock 1300 MHz, 50 % below its peers"),
    ],
)
def test_words(metric: str, value: str, others: str, summary: str) -> None:
    window = crewed(eight("1700", written={metric: first(value, others, ROWS)}))
    found = finding(Straggler, judge(Straggler, window), window)
    if others != "_":
        found = replace(found, peers={metric: float(others)})
    assert Straggler.configured({}).explain(found).summary == summary
