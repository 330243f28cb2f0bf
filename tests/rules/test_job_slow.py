"""One verdict a job: how far it is below its own stride."""

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.job_slow import JobSlow
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


def working(**readings: Written) -> Window:
    usual: dict[str, Written] = {
        "utilization_percent": "100",
        "power_watts": "600",
        "tensor_active_ratio": "0.4",
    }
    return window_of(fleet_of(nodes=2, gpus=8), {**usual, **readings})


def told(window: Window) -> dict[str, str]:
    verdicts = judge(JobSlow, window)
    assert verdicts.subjects is not None
    names = [subject.job for subject in verdicts.subjects]
    return dict(zip(names, marks(verdicts), strict=True))


@pytest.mark.parametrize(
    ("pace", "expected"),
    [("0.9", "F"), ("0.899", "F"), ("0.901", "."), ("1.1", "."), ("_", "?")],
)
def test_ten_percent_below_its_stride(pace: str, expected: str) -> None:
    assert told(crewed(working(), pace=pace)) == {"job-0": expected}


def test_two_jobs_are_told_apart() -> None:
    window = crewed(working(), HALVES, names="4211/4212", pace="0.8 0.95")
    assert told(window) == {"4211": "F", "4212": "."}


def test_one_finding_for_a_job_of_two_groups() -> None:
    window = crewed(working(), HALVES, names="4211/4211", pace="0.8 0.95")
    assert told(window) == {"4211": "F"}


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(crewed(working(), settled="0", pace="0.5"), id="dip"),
        pytest.param(crewed(working(), together="0", pace="0.5"), id="inference"),
        pytest.param(
            crewed(
                working(utilization_percent="10", power_watts="80"), pace="0.1"
            ),
            id="idle",
        ),
        pytest.param(
            crewed(
                working(
                    utilization_percent="100",
                    power_watts="120",
                    tensor_active_ratio="0",
                ),
                pace="0.1",
            ),
            id="hung by tensor activity",
        ),
        pytest.param(
            crewed(
                working(
                    utilization_percent="100",
                    power_watts="120",
                    tensor_active_ratio="_",
                    memory_copy_percent="0",
                ),
                pace="0.1",
            ),
            id="hung by memory copies",
        ),
        pytest.param(
            crewed(
                working(power_watts="260", tensor_active_ratio="0",
                        power_limit_watts="800"),
                pace="0.4",
            ),
            id="hung by its own power limit",
        ),
    ],
)  # fmt: skip
def test_unknown(window: Window) -> None:
    assert told(window) == {"job-0": "?"}


@pytest.mark.parametrize(("at_work", "expected"), [(8, "F"), (7, "?")])
def test_half_of_it_must_be_at_work(at_work: int, expected: str) -> None:
    rest = ROWS - at_work
    window = working(
        utilization_percent=several((at_work, "100"), (rest, "0")),
        power_watts=several((at_work, "600"), (rest, "80")),
    )
    assert told(crewed(window, pace="0.8")) == {"job-0": expected}


def test_without_a_crew_there_is_no_job_to_judge() -> None:
    assert judge(JobSlow, working()).subjects is None


@pytest.mark.parametrize(
    ("name", "severity", "level"),
    [
        ("4211", "warning", "W"),
        ("4211", "critical", "C"),
        ("4211", "info", "I"),
        # a job that was only guessed is a note
        ("(inferred) n0", "critical", "I"),
    ],
)
def test_severity(name: str, severity: str, level: str) -> None:
    rule = JobSlow.configured({"severity": severity})
    verdicts = judge(rule, crewed(working(), names=name, pace="0.8"))
    assert levels(rule, verdicts) == level


def test_own_threshold() -> None:
    rule = JobSlow.configured({"lost_percent": 30})
    for pace, expected in (("0.71", "."), ("0.69", "F")):
        assert marks(judge(rule, crewed(working(), pace=pace))) == expected


def test_words() -> None:
    window = crewed(working(), pace="0.82")
    found = finding(JobSlow, judge(JobSlow, window), window)
    assert JobSlow.configured({}).explain(found).summary == (
        "Job slow: 82 % of its usual pace, no GPU to blame"
    )
