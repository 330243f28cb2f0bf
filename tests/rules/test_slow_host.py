"""Row 0 of two nodes of eight, at 100 % utilisation and 600 W each."""

from dataclasses import replace

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.slow_host import SlowHost
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of
from tests.rules.crews import crewed, first, several
from tests.rules.hosts import ROWS, job

SILENT = "." * ROWS
ONE = "F" + "." * (ROWS - 1)


def told(window: Window) -> str:
    return marks(judge(SlowHost, window))


@pytest.mark.parametrize(
    ("busy", "expected"),
    [("91.9", ONE), ("92.1", SILENT), ("55", ONE), ("100", SILENT)],
)
def test_less_busy_than_its_job(busy: str, expected: str) -> None:
    assert told(job(first(busy, "100", ROWS))) == expected


@pytest.mark.parametrize(
    ("offset", "busy", "expected"),
    [
        ("-0.05", "86.9", ONE),
        ("-0.05", "87.1", SILENT),
        ("0.05", "96.9", ONE),
        ("0.05", "97.1", SILENT),
    ],
)
def test_beside_its_usual_place(offset: str, busy: str, expected: str) -> None:
    kept = {"busy_offset": first(offset, "0", ROWS)}
    assert told(job(first(busy, "100", ROWS), kept=kept)) == expected


@pytest.mark.parametrize(
    ("watts", "offset", "expected"),
    [
        ("605", "0", ONE),
        ("607", "0", SILENT),
        ("300", "0", ONE),
        # one that usually draws 5 % less draws more now
        ("600", "-0.05", SILENT),
        ("575", "-0.05", ONE),
    ],
)
def test_a_starved_gpu_draws_no_more_than_usual(
    watts: str, offset: str, expected: str
) -> None:
    kept = {"power_offset": first(offset, "0", ROWS)}
    window = job(first("80", "100", ROWS), watts=first(watts, "600", ROWS), kept=kept)
    assert told(window) == expected


@pytest.mark.parametrize(
    ("pace", "expected"), [("0.969", ONE), ("0.971", SILENT), ("_", ONE)]
)
def test_a_job_at_its_pace_waits_for_nobody(pace: str, expected: str) -> None:
    assert told(job(first("80", "100", ROWS), pace=pace)) == expected


@pytest.mark.parametrize(
    ("restless", "busy", "expected"),
    [
        # eight times as far off as it wanders
        ("0.01", "91.9", "F"),
        ("0.02", "83.9", "F"),
        ("0.02", "84.1", "."),
        ("0.021", "55", "?"),
    ],
)
def test_who_wanders_by_itself_must_be_far_off_or_is_not_judged(
    restless: str, busy: str, expected: str
) -> None:
    kept = {"restless": first(restless, "0", ROWS)}
    assert told(job(first(busy, "100", ROWS), kept=kept))[0] == expected


@pytest.mark.parametrize(("restless", "expected"), [("0.012", "F"), ("0.0121", "?")])
def test_a_job_that_wanders_as_a_whole_is_not_judged(
    restless: str, expected: str
) -> None:
    kept = {"restless": first("0", restless, ROWS)}
    assert told(job(first("80", "100", ROWS), kept=kept))[0] == expected


@pytest.mark.parametrize(
    ("clock", "bits", "expected"),
    [
        ("1881", "0x0", "F"),
        ("1879", "0x0", "."),
        ("2000", "0x4", "F"),
        ("2000", "0x1", "F"),
        ("2000", "_", "F"),
        ("2000", "0x8", "."),
        ("2000", "0x20", "."),
        ("2000", "0x40", "."),
        ("2000", "0x80", "."),
        ("_", "0x0", "?"),
    ],
)
def test_only_at_a_normal_clock_and_without_a_hardware_bit(
    clock: str, bits: str, expected: str
) -> None:
    window = job(
        first("80", "100", ROWS),
        sm_clock_megahertz=first(clock, "2000", ROWS),
        throttle_reasons=first(bits, "0x0", ROWS),
    )
    assert told(window)[0] == expected


@pytest.mark.parametrize(
    ("busy", "engine", "expected"),
    [
        # the lesser of utilisation and engine activity, where both are known
        ("100", "0.85", "F"),
        ("85", "1.0", "F"),
        ("_", "0.85", "F"),
        ("85", "_", "F"),
        ("100", "1.0", "."),
        ("_", "_", "?"),
    ],
)
def test_busy_by_utilisation_or_engine(busy: str, engine: str, expected: str) -> None:
    window = job(
        first(busy, "100", ROWS), graphics_active_ratio=first(engine, "1.0", ROWS)
    )
    assert told(window)[0] == expected


STARVED = first("80", "100", ROWS)


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(job(STARVED, settled="0"), id="gate closed"),
        pytest.param(job(STARVED, together="0"), id="inference"),
        pytest.param(job(STARVED, calm=first("0", "1", ROWS)), id="wanders off"),
        pytest.param(job(STARVED, groups=first("_", "0", ROWS)), id="alone"),
        pytest.param(
            job(STARVED, groups=several((5, "0"), (11, "1"))), id="five peers"
        ),
        pytest.param(
            job(STARVED, kept={"busy_seconds": first("239", "1800", ROWS)}),
            id="not watched for long enough",
        ),
        pytest.param(job(STARVED, watts=first("_", "600", ROWS)), id="no power"),
        pytest.param(
            job(first("45", "100", ROWS), watts=first("200", "600", ROWS)), id="idle"
        ),
    ],
)
def test_unknown(window: Window) -> None:
    assert told(window)[0] == "?"
    assert "F" not in told(window)


def test_unknown_without_a_crew() -> None:
    assert told(replace(job(STARVED), stride=None)) == "?" * ROWS


def test_an_idle_gpu_is_not_under_load() -> None:
    window = job(first("45", "100", ROWS), watts=first("200", "600", ROWS))
    loaded = judge(SlowHost, window).loaded
    assert loaded is not None
    assert loaded.tolist() == [False] + [True] * 15


def test_a_whole_node_is_a_finding_on_each_of_its_gpus() -> None:
    assert told(job(several((7, "80"), (9, "100")))) == "F" * 7 + "." * 9


def crowd(starved: int, rows: int) -> int:
    """How many of a job of `rows` fire when so many are starved."""
    window = window_of(
        fleet_of(nodes=rows // 8, gpus=8),
        utilization_percent=several((starved, "80"), (rows - starved, "100")),
        power_watts="600",
        sm_clock_megahertz="2000",
        kept={"busy_seconds": "240 " * rows},
    )
    return told(crewed(window, pace="0.9")).count("F")


@pytest.mark.parametrize(
    ("starved", "rows", "fires"),
    [
        # two nodes, or 15 % of the job
        (16, 80, 16),
        (17, 80, 0),
        (24, 160, 24),
        (25, 160, 0),
    ],
)
def test_too_many_are_other_work(starved: int, rows: int, fires: int) -> None:
    assert crowd(starved, rows) == fires


def node_of(at_work: int, starved: int, busy: str, watts: str) -> str:
    """Node 0 beside two more; so many of it are at work and the first are starved."""
    fine, idle = at_work - starved, 8 - at_work
    window = window_of(
        fleet_of(nodes=3, gpus=8),
        utilization_percent=several(
            (starved, busy), (fine, "100"), (idle, "0"), (16, "100")
        ),
        power_watts=several((starved, watts), (fine, "600"), (idle, "80"), (16, "600")),
        sm_clock_megahertz="2000",
        kept={"busy_seconds": "240 " * 24},
    )
    return told(crewed(window, pace="1"))[:8]


@pytest.mark.parametrize(
    ("at_work", "starved", "busy", "watts", "expected"),
    [
        # a whole node, 10 % less busy at 5 % less power, though the job's pace is fine
        (8, 8, "89.9", "569", "FFFFFFFF"),
        (8, 8, "90.1", "569", "........"),
        (8, 8, "89.9", "571", "........"),
        # three quarters of those at work, and four at least
        (8, 6, "80", "500", "FFFFFF.."),
        (8, 5, "80", "500", "........"),
        (4, 4, "80", "500", "FFFF????"),
        # those that idle count for nothing
        (3, 3, "80", "500", "...?????"),
    ],
)
def test_a_whole_node_is_a_slow_host_whatever_the_pace(
    at_work: int, starved: int, busy: str, watts: str, expected: str
) -> None:
    assert node_of(at_work, starved, busy, watts) == expected


@pytest.mark.parametrize(("pace", "level"), [("0.9", "C"), ("0.901", "W")])
def test_severity(pace: str, level: str) -> None:
    verdicts = judge(SlowHost, job(STARVED, pace=pace))
    assert levels(SlowHost, verdicts)[0] == level


def test_own_threshold() -> None:
    rule = SlowHost.configured({"less_busy_percent": 25, "severity": "warning"})
    assert marks(judge(rule, job(STARVED))) == SILENT
    assert levels(rule, judge(rule, job(first("70", "100", ROWS))))[0] == "W"


@pytest.mark.parametrize(
    ("members", "summary"),
    [
        (2, "Starved: GPU 20 % less busy than the job"),
        (3, "Host is slow: GPUs 20 % less busy than the job"),
    ],
)
def test_words(members: int, summary: str) -> None:
    window = job(STARVED)
    found = finding(SlowHost, judge(SlowHost, window), window)
    found = replace(found, members=tuple(window.now.fleet.gpus[:members]))
    assert SlowHost.configured({}).explain(found).summary == summary
