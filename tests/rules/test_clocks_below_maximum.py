import pytest

from gpuwatch.rules.clocks_below_maximum import ClocksBelowMaximum
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)

BUSY = {"utilization_percent": 100, "power_watts": 600, "power_limit_watts": 700}
ONE_JOB = " ".join(["7"] * 8)


def _told(jobs: str = ONE_JOB, **metrics: Written) -> str:
    reads = {**BUSY, "max_sm_clock_megahertz": 1980, **metrics}
    window = window_of(fleet_of(gpus=8), reads, jobs=jobs)
    return levels(ClocksBelowMaximum, judge(ClocksBelowMaximum, window))


@pytest.mark.parametrize(
    ("clock", "reasons", "told"),
    [
        ("1410", "0x2", "I"),
        ("1950", "0x2", "I"),
        ("1951", "0x2", "."),
        ("1980", "0x2", "."),  # locked at the maximum
        ("1410", "0x4", "."),  # the power cap, not a setting
        ("1410", "0x0", "."),
        ("1410", "_", "."),
    ],
)
def test_the_bit_says_that_a_setting_limits(
    clock: str, reasons: str, told: str
) -> None:
    assert _told(sm_clock_megahertz=clock, throttle_reasons=reasons) == told


@pytest.mark.parametrize(
    ("clock", "application", "reasons", "told"),
    [
        ("1410", "1410", "0x0", "I"),
        ("1395", "1410", "0x0", "I"),
        ("1380", "1410", "0x0", "."),
        ("1410", "1410", "0x4", "."),  # capped: it may stand there by chance
        ("1410", "1095", "0x0", "."),  # an A100 exceeds it by itself
        ("1410", "1410", "_", "."),
    ],
)
def test_or_the_clock_stands_at_the_application_clock(
    clock: str, application: str, reasons: str, told: str
) -> None:
    found = _told(
        sm_clock_megahertz=clock,
        application_sm_clock_megahertz=application,
        throttle_reasons=reasons,
    )
    assert found == told


def test_three_quarters_of_its_working_gpus() -> None:
    six = " ".join(["1410"] * 6 + ["1980"] * 2)
    five = " ".join(["1410"] * 5 + ["1980"] * 3)
    assert _told(sm_clock_megahertz=six, throttle_reasons="0x2") == "I"
    assert _told(sm_clock_megahertz=five, throttle_reasons="0x2") == "."


def test_idle_gpus_small_jobs_and_guessed_jobs_say_nothing() -> None:
    low: dict[str, Written] = {"sm_clock_megahertz": 1410, "throttle_reasons": "0x2"}
    idle: dict[str, Written] = {"utilization_percent": 0, "power_watts": 70}
    assert _told(ONE_JOB, **low, **idle) == ""
    assert _told("7 7 7 7 7 _ _ _", **low) == ""
    assert _told("", **low) == ""
    window = window_of(fleet_of(gpus=8), {**BUSY, **low, "max_sm_clock_megahertz": "_"})
    assert marks(judge(ClocksBelowMaximum, window)) == ""


def test_words_and_manners() -> None:
    reads = {**BUSY, "max_sm_clock_megahertz": 1980, "sm_clock_megahertz": 1410}
    window = window_of(fleet_of(gpus=8), reads, jobs=ONE_JOB, throttle_reasons="0x2")
    rule = ClocksBelowMaximum.configured({})
    found = finding(rule, judge(rule, window), window)
    assert found.subject.job == "7"
    assert found.evidence == {"kept_at_megahertz": 1410.0, "gpus_kept_below": 8.0}
    words = rule.explain(found)
    assert words.summary == "Clocks kept below maximum by a setting at 1410 MHz"
    assert rule.params.notify == "digest"
