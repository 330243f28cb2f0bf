import pytest

from gpuwatch.rules.power_limit_mismatch import PowerLimitMismatch
from tests.rules.builders import H100, finding, fleet_of, judge, marks, window_of

ONE_JOB = " ".join(["7"] * 8)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("700 700 700 700 700 700 700 600", ".......F"),
        ("700 700 700 700 700 700 700 665", ".......F"),
        ("700 700 700 700 700 700 700 666", "........"),
        ("700 700 700 700 700 700 700 750", "........"),  # higher holds up nobody
        ("600 600 600 600 600 600 600 600", "........"),  # on purpose
        ("700 700 700 700 700 700 600 600", "......FF"),
        ("700 700 700 700 700 600 600 600", "????????"),  # the job has no usual one
        ("700 700 700 700 700 700 _ 600", "......?F"),
        ("700 700 700 700 700 _ _ _", "????????"),  # five are too few
    ],
)
def test_lower_than_three_quarters_of_its_job(limits: str, told: str) -> None:
    window = window_of(fleet_of(gpus=8), power_limit_watts=limits, jobs=ONE_JOB)
    assert marks(judge(PowerLimitMismatch, window)) == told


@pytest.mark.parametrize("jobs", ["", " ".join(["_"] * 8)])
def test_without_a_job_nobody_is_compared(jobs: str) -> None:
    limits = "700 700 700 700 700 700 700 600"
    window = window_of(fleet_of(gpus=8), power_limit_watts=limits, jobs=jobs)
    assert marks(judge(PowerLimitMismatch, window)) == "????????"


def test_each_job_has_its_own_limit() -> None:
    limits = " ".join(["700"] * 8 + ["600"] * 8)
    window = window_of(
        fleet_of(nodes=2, gpus=8),
        power_limit_watts=limits,
        jobs=" ".join(["a"] * 8 + ["b"] * 8),
    )
    assert marks(judge(PowerLimitMismatch, window)) == "." * 16


def test_and_each_model() -> None:
    fleet = fleet_of(nodes=2, gpus=8, model=[H100] * 8 + ["NVIDIA A100-SXM4-80GB"] * 8)
    limits = " ".join(["700"] * 8 + ["400"] * 8)
    window = window_of(fleet, power_limit_watts=limits, jobs=" ".join(["7"] * 16))
    assert marks(judge(PowerLimitMismatch, window)) == "." * 16


def test_words() -> None:
    limits = "600 700 700 700 700 700 700 700"
    window = window_of(fleet_of(gpus=8), power_limit_watts=limits, jobs=ONE_JOB)
    rule = PowerLimitMismatch.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == "Power limit lower than its peers': 600 W, job 700 W"
    assert "nvidia-smi -pl" in words.action
    assert rule.params.hold == 600.0
