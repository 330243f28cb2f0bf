"""One verdict a job; the signature itself is in tests/model/test_hang.py."""

import pytest

from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.job_hung import JobHung
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)
from tests.rules.crews import crewed, several

ROWS = 16
HALVES = several((8, "0"), (8, "1"))


def spinning(tensor: str = "0", **readings: Written) -> Window:
    usual: dict[str, Written] = {
        "utilization_percent": "100",
        "power_watts": "126",
        "tensor_active_ratio": tensor,
    }
    return window_of(fleet_of(nodes=2, gpus=8), {**usual, **readings})


def by_name(verdicts: Verdicts) -> dict[str, str]:
    assert verdicts.subjects is not None
    names = [subject.job for subject in verdicts.subjects]
    return dict(zip(names, marks(verdicts), strict=True))


def told(window: Window) -> dict[str, str]:
    return by_name(judge(JobHung, window))


def test_a_hung_job_beside_one_that_works() -> None:
    window = spinning(several((8, "0"), (8, "0.4")))
    assert told(crewed(window, HALVES, names="4211/4212")) == {"4211": "F", "4212": "."}


def test_one_finding_for_a_job_of_two_groups() -> None:
    window = spinning(several((8, "0"), (8, "0.4")))
    assert told(crewed(window, HALVES, names="4211/4211")) == {"4211": "F"}


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(crewed(spinning(), reached="0"), id="no stride yet"),
        pytest.param(crewed(spinning(), together="0"), id="inference"),
        pytest.param(crewed(spinning("_")), id="no sign of work"),
        pytest.param(crewed(spinning(utilization_percent="_")), id="no utilisation"),
        pytest.param(crewed(spinning(power_watts="_")), id="no power"),
    ],
)
def test_unknown(window: Window) -> None:
    assert told(window) == {"job-0": "?"}


def test_in_a_dip_of_all_it_is_judged() -> None:
    # a hang is such a dip: the gate for clocks must not hide it
    assert told(crewed(spinning(), steady="0", settled="0")) == {"job-0": "F"}


def test_without_a_crew_there_is_no_job_to_judge() -> None:
    verdicts = judge(JobHung, spinning())
    assert (len(verdicts.firing), verdicts.subjects) == (0, None)


def test_words_and_severity() -> None:
    window = crewed(spinning())
    verdicts = judge(JobHung, window)
    assert levels(JobHung, verdicts) == "C"
    words = JobHung.configured({}).explain(finding(JobHung, verdicts, window))
    assert (
        words.summary == "Job hung: full utilisation, no work, 18 % of the power limit"
    )
