"""Row 0 of two nodes of eight, at 100 % utilisation and 600 W each."""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.slow_host import SlowHost
from tests.rules.builders import (
    AT,
    Written,
    finding,
    fleet_of,
    in_turn,
    judge,
    levels,
    marks,
    window_of,
)
from tests.rules.crews import crewed, first, several

ROWS = 16
SILENT = "." * ROWS
ONE = "F" + "." * (ROWS - 1)


def job(
    busy: str,
    *,
    watts: str = "600",
    groups: str = "0",
    settled: str = "1",
    together: str = "1",
    calm: str = "1",
    pace: str = "0.9",
    kept: dict[str, str] | None = None,
    **more: Written,
) -> Window:
    """Watched for four minutes; `watts` are means of late too."""
    remembered = {"busy_seconds": first("240", "1800", ROWS), **(kept or {})}
    metrics: dict[str, Written] = {
        "utilization_percent": busy,
        "power_watts": watts,
        "sm_clock_megahertz": "2000",
        "throttle_reasons": "0x0",
    }
    window = window_of(fleet_of(nodes=2, gpus=8), {**metrics, **more})
    words = {k: np.array([float(w) for w in v.split()]) for k, v in remembered.items()}
    crew = crewed(
        window, groups, settled=settled, together=together, calm=calm, pace=pace
    )
    return replace(crew, kept=words)


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
        ("0.03", "75.9", "F"),
        ("0.03", "76.1", "."),
        ("0.031", "55", "?"),
    ],
)
def test_who_wanders_by_itself_must_be_far_off_or_is_not_judged(
    restless: str, busy: str, expected: str
) -> None:
    kept = {"restless": first(restless, "0", ROWS)}
    assert told(job(first(busy, "100", ROWS), kept=kept))[0] == expected


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


@pytest.mark.parametrize(
    ("readings", "expected", "less_busy"),
    [
        # one stray sample is no starving
        ("100 100 60 100 100", ".", None),
        ("100 100 100 100 60", ".", None),
        # two of the last four are; the one of a minute ago is not looked at
        ("60 60 100 100 60", "F", 20.0),
        ("100 60 60 60 60", "F", 40.0),
        ("100 _ _ _ 60", "F", 40.0),
        # nothing now is nothing, whatever was before
        ("60 60 60 60 _", "?", None),
        ("_ _ _ _ _", "?", None),
    ],
)
def test_the_median_of_the_last_45_seconds(
    readings: str, expected: str, less_busy: float | None
) -> None:
    written = [first(word, "100", ROWS) for word in readings.split()]
    verdicts = judge(SlowHost, job("100", utilization_percent=written))
    assert marks(verdicts)[0] == expected
    if less_busy is not None:
        assert verdicts.evidence["less_busy_percent"][0] == pytest.approx(less_busy)


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


@pytest.mark.parametrize(("pace", "level"), [("0.9", "C"), ("0.901", "W")])
def test_severity(pace: str, level: str) -> None:
    verdicts = judge(SlowHost, job(STARVED, pace=pace))
    assert levels(SlowHost, verdicts)[0] == level


def test_own_threshold() -> None:
    rule = SlowHost.configured({"less_busy_percent": 25, "severity": "warning"})
    assert marks(judge(rule, job(STARVED))) == SILENT
    assert levels(rule, judge(rule, job(first("70", "100", ROWS))))[0] == "W"


@pytest.mark.parametrize(
    ("busy", "settled", "seconds"),
    [
        # half the threshold off is learned, more is not
        ("96.1", "1", 255.0),
        ("95.9", "1", 240.0),
        ("80", "1", 240.0),
        ("99", "0", 240.0),
    ],
)
def test_when_the_habit_is_learned(busy: str, settled: str, seconds: float) -> None:
    window = job(first(busy, "100", ROWS), settled=settled)
    kept = {**window.kept, "at": np.full(ROWS, AT - 15)}
    assert (
        judge(SlowHost, replace(window, kept=kept)).keep["busy_seconds"][0] == seconds
    )


def in_order(busy: list[str]) -> str:
    """Marks of row 0 at every reading, 15 s apart, nothing kept at first."""
    windows = [
        crewed(
            window_of(
                fleet_of(nodes=2, gpus=8),
                utilization_percent=first(word, "100", ROWS),
                power_watts="600",
                sm_clock_megahertz="2000",
                at=AT + 15 * step,
            ),
            pace="0.9",
        )
        for step, word in enumerate(busy)
    ]
    return "".join(marks(v)[0] for v in in_turn(SlowHost, windows))


def test_judged_after_four_minutes() -> None:
    assert in_order(["97"] * 17 + ["88"]) == "?" * 17 + "F"
    assert in_order(["97"] * 16 + ["88"]) == "?" * 17


def test_a_starved_gpu_is_not_taken_for_a_restless_one() -> None:
    assert in_order(["100"] * 18 + ["80"] * 60)[18:] == "F" * 60


def test_one_that_wanders_is_never_blamed() -> None:
    wandering = ["100", "85", "100", "75"] * 30
    assert "F" not in in_order(wandering)


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
