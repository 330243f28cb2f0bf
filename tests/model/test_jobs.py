"""One verdict a job, though its GPUs may be of several groups."""

import numpy as np
import pytest

from gpuwatch.model.company import Company
from gpuwatch.model.identity import Subject
from gpuwatch.model.jobs import by_job
from gpuwatch.model.verdict import Verdicts
from tests.rules.builders import marks


def job_of(
    sizes: list[int], names: str, told: str, levels: list[int] | None = None
) -> Verdicts:
    """Groups of those sizes, each of a job, with `F`, `.` or `?` a group.

    An `f` fires though it is not known: it must not count.
    """
    groups = np.repeat(np.arange(len(sizes)), sizes)
    return by_job(
        "train",
        Company(groups, tuple(names.split())),
        firing=np.array([mark in "Ff" for mark in told], bool),
        known=np.array([mark in "F." for mark in told], bool),
        evidence={"group": np.arange(len(sizes), dtype=np.float64)},
        severity=None if levels is None else np.array(levels),
    )


def by_name(verdicts: Verdicts) -> dict[str, str]:
    assert verdicts.subjects is not None
    names = [subject.job for subject in verdicts.subjects]
    return dict(zip(names, marks(verdicts), strict=True))


@pytest.mark.parametrize(
    ("sizes", "names", "told", "expected"),
    [
        ([8], "a", "F", {"a": "F"}),
        ([8, 8], "a b", "F.", {"a": "F", "b": "."}),
        # the largest that fires, else the largest that is known
        ([8, 16], "a a", "F.", {"a": "F"}),
        ([16, 8], "a a", ".F", {"a": "F"}),
        ([16, 8], "a a", "?.", {"a": "."}),
        ([16, 8], "a a", "??", {"a": "?"}),
        ([16, 8], "a a", "f.", {"a": "."}),
        ([8, 4, 8], "a b a", "?F.", {"a": ".", "b": "F"}),
        ([], "", "", {}),
    ],
)
def test_one_verdict_a_job(
    sizes: list[int], names: str, told: str, expected: dict[str, str]
) -> None:
    assert by_name(job_of(sizes, names, told)) == expected


@pytest.mark.parametrize(
    ("sizes", "told", "group"),
    [
        ([8, 16, 12], "FFF", 1),
        ([8, 16, 12], "F.F", 2),
        ([8, 16, 12], "...", 1),
        ([8, 16, 12], ".?.", 2),
        ([8, 16, 12], "???", 1),
    ],
)
def test_whose_evidence_is_shown(sizes: list[int], told: str, group: int) -> None:
    verdicts = job_of(sizes, "a a a", told, [1, 2, 3])
    assert verdicts.evidence["group"].tolist() == [float(group)]
    assert verdicts.severity is not None
    assert verdicts.severity.tolist() == [group + 1]


def test_the_subject_is_the_job() -> None:
    verdicts = job_of([8], "4211", "F")
    assert verdicts.subjects == (Subject("train", job="4211"),)
    assert verdicts.severity is None
