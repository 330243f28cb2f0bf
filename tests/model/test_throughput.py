"""Whose a series is, and what a slow job costs."""

import math
from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.company import Company
from gpuwatch.model.lost import estimated_share, lost_gpu_hours
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.model.stride import Crew, Stride
from gpuwatch.model.throughput import gpus_of, throughput_by_job
from tests.rules.builders import fleet_of, window_of


def seen(jobs: str, throughput: dict[str, float]) -> Snapshot:
    now = window_of(fleet_of(gpus=3), jobs=jobs).now
    return replace(now, throughput=throughput)


@pytest.mark.parametrize(
    ("jobs", "throughput", "found"),
    [
        ("7 7 8", {"7": 1.0, "8": 2.0}, {"7": 1.0, "8": 2.0}),
        ("7 7 8", {"7": 1.0, "9": 2.0}, {"7": 1.0}),
        ("7 7 8", {"llm": 1.0}, {}),
        ("7 7 7", {"llm": 1.0}, {"7": 1.0}),
        ("7 7 _", {"": 1.0}, {"7": 1.0}),
        ("7 7 7", {"llm": 1.0, "etl": 1.0}, {}),
        ("7 7 7", {"6": 1.0}, {}),
        ("7 7 7", {"6_1": 1.0}, {}),
        ("_ _ _", {"llm": 1.0}, {}),
        ("7 7 7", {}, {}),
    ],
)
def test_whose_a_series_is(
    jobs: str, throughput: dict[str, float], found: dict[str, float]
) -> None:
    assert throughput_by_job(seen(jobs, throughput)) == found


def test_a_guessed_job_has_no_number_of_its_own() -> None:
    now = replace(seen("x x x", {"6": 1.0}), jobs=("(inferred) n0",))
    assert throughput_by_job(now) == {"(inferred) n0": 1.0}


def test_a_job_that_has_lost_its_gpus_is_none() -> None:
    now = replace(seen("7 7 7", {"8": 1.0}), jobs=("7", "8"))
    assert throughput_by_job(now) == {}


def test_without_any_job_nothing_is_known() -> None:
    assert throughput_by_job(replace(seen("", {"7": 1.0}))) == {}


def test_gpus_in_service_are_counted() -> None:
    now = seen("7 7 8", {})
    assert (gpus_of(now, "7"), gpus_of(now, "8"), gpus_of(now, "9")) == (2, 1, 0)
    now.fleet.retire(rows=[0])
    assert gpus_of(now, "7") == 1


@pytest.mark.parametrize(
    ("gpus", "seconds", "share", "hours"),
    [
        (384, 420, 0.62, 384 * 420 / 3600 * 0.38),
        (8, 3600, 0.0, 8.0),
        (8, 3600, 1.0, 0.0),
        (8, 3600, 1.2, 0.0),
        (8, 3600, -1.0, 8.0),
        (8, -5, 0.5, 0.0),
    ],
)
def test_lost_gpu_hours(gpus: int, seconds: float, share: float, hours: float) -> None:
    assert lost_gpu_hours(gpus, seconds, share) == pytest.approx(hours)


def test_what_is_lost_is_unknown_with_the_pace() -> None:
    assert math.isnan(lost_gpu_hours(8, 60, math.nan))


def crew(work: list[float]) -> Crew:
    """Groups of three, one and two GPUs, the first two of job 7."""
    yes = np.ones(3, bool)
    rows = np.ones(6)
    stride = Stride(
        reached=yes,
        steady=yes,
        settled=yes,
        together=yes,
        calm=np.ones(6, bool),
        work=np.array(work),
        dipped_seconds=np.zeros(3),
        kept_watts=rows,
        worked_seconds=rows,
        kept_megahertz=rows,
        recent_watts=rows,
    )
    groups = np.array([0, 0, 0, 1, 2, 2])
    return Crew(Company(groups, ("7", "7", "8"), "slurm"), stride)


@pytest.mark.parametrize(
    ("work", "share"),
    [
        ([0.6, 1.0, 0.1], 0.7),
        ([0.6, math.nan, 0.1], 0.6),
        ([1.4, 0.6, 0.1], 0.9),
    ],
)
def test_the_share_is_that_of_the_jobs_groups(work: list[float], share: float) -> None:
    assert estimated_share(crew(work), "7") == pytest.approx(share)


def test_a_share_that_nobody_knows() -> None:
    assert math.isnan(estimated_share(crew([math.nan, math.nan, 1.0]), "7"))
    assert math.isnan(estimated_share(crew([1.0, 1.0, 1.0]), "9"))
