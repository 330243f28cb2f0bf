import pytest

from gpuwatch.model.version import driver_code, vbios_code
from gpuwatch.rules.version_mismatch import VersionMismatch
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)

NEW, OLD = f"{driver_code('550.90.07'):.0f}", f"{driver_code('550.54.15'):.0f}"
VBIOS = f"{vbios_code('96.00.74.00.1A'):.0f}", f"{vbios_code('96.00.89.00.01'):.0f}"
ONE_JOB = " ".join(["7"] * 8)


def _told(jobs: str = ONE_JOB, **metrics: Written) -> str:
    window = window_of(fleet_of(gpus=8), metrics, jobs=jobs)
    return levels(VersionMismatch, judge(VersionMismatch, window))


def test_another_driver_is_a_warning_another_vbios_a_note() -> None:
    drivers = " ".join([NEW] * 7 + [OLD])
    boards = " ".join([VBIOS[1]] + [VBIOS[0]] * 7)
    assert _told(driver_version=drivers) == ".......W"
    assert _told(vbios_version=boards) == "I......."
    assert _told(driver_version=drivers, vbios_version=boards) == "I......W"


@pytest.mark.parametrize(
    ("drivers", "told"),
    [
        ([NEW] * 6 + [OLD] * 2, "......WW"),
        ([NEW] * 5 + [OLD] * 3, "????????"),  # a job half way through an upgrade
        ([NEW] * 5 + ["_", "_", OLD], ".....??W"),
        ([NEW] * 4 + ["_", "_", "_", OLD], "????????"),
        ([NEW] * 6 + ["_", OLD], "......?W"),
        (["_"] * 8, "????????"),
    ],
)
def test_three_quarters_of_six_make_its_version(drivers: list[str], told: str) -> None:
    assert _told(driver_version=" ".join(drivers)) == told


def test_another_job_may_have_another_driver() -> None:
    window = window_of(
        fleet_of(nodes=2, gpus=8),
        driver_version=" ".join([NEW] * 8 + [OLD] * 8),
        jobs=" ".join(["a"] * 8 + ["b"] * 8),
    )
    assert marks(judge(VersionMismatch, window)) == "." * 16
    assert _told(jobs="", driver_version=" ".join([NEW] * 7 + [OLD])) == "????????"


@pytest.mark.parametrize(
    ("metric", "values", "summary"),
    [
        ("driver_version", (OLD, NEW), "Driver 550.54.15, its job has 550.90.07"),
        (
            "vbios_version",
            VBIOS[::-1],
            "VBIOS 96.00.89.00.01, its job has 96.00.74.00.1A",
        ),
    ],
)
def test_words(metric: str, values: tuple[str, str], summary: str) -> None:
    mine, usual = values
    written = " ".join([mine] + [usual] * 7)
    window = window_of(fleet_of(gpus=8), {metric: written}, jobs=ONE_JOB)
    rule = VersionMismatch.configured({})
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "same image" in words.action
