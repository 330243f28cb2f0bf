"""Eight GPUs that spin, or not; the signature itself is in tests/model/test_hang.py."""

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.silent_rank import SilentRank
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)
from tests.rules.crews import crewed, first, several

ROWS = 8
ONE = "F" + "." * (ROWS - 1)
NONE = "." * ROWS


def spinning(busy: str, **readings: Written) -> Window:
    usual: dict[str, Written] = {
        "utilization_percent": busy,
        "power_watts": "125",
        "memory_copy_percent": "0",
    }
    return window_of(fleet_of(gpus=ROWS), {**usual, **readings})


def told(window: Window) -> str:
    return marks(judge(SilentRank, window))


@pytest.mark.parametrize(
    ("busy", "expected"),
    [
        (first("0", "100", ROWS), ONE),
        (first("49", "100", ROWS), ONE),
        (first("50", "100", ROWS), NONE),
        ("100", NONE),
        # two of eight are too many
        (several((2, "0"), (6, "100")), NONE),
        # whose utilisation is not known is not known to spin
        (first("_", "100", ROWS), "?" + "." * 7),
    ],
)
def test_who_does_not_spin(busy: str, expected: str) -> None:
    assert told(crewed(spinning(busy))) == expected


def test_the_job_must_hang() -> None:
    busy = first("0", "100", ROWS)
    assert told(crewed(spinning(busy, power_watts="300"))) == NONE
    assert told(crewed(spinning(busy, tensor_active_ratio="0.3"))) == NONE


SILENT = spinning(first("0", "100", ROWS))


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(SILENT, id="no crew"),
        pytest.param(crewed(SILENT, reached="0"), id="no stride yet"),
        pytest.param(crewed(SILENT, together="0"), id="inference"),
        pytest.param(crewed(SILENT, "_ " * ROWS), id="alone"),
        pytest.param(
            crewed(spinning(first("0", "100", ROWS), memory_copy_percent="_")),
            id="no sign of work",
        ),
    ],
)
def test_unknown(window: Window) -> None:
    assert told(window) == "?" * ROWS


def test_also_in_a_dip_for_a_hang_is_one() -> None:
    assert told(crewed(SILENT, steady="0", settled="0")) == ONE


def test_a_vanished_gpu_is_unknown() -> None:
    window = window_of(
        fleet_of(gpus=ROWS),
        utilization_percent=first("_", "100", ROWS),
        power_watts=first("_", "125", ROWS),
        memory_copy_percent=first("_", "0", ROWS),
        sample_age_seconds=first("_", "0", ROWS),
    )
    assert told(crewed(window)) == "?" + "." * 7


def test_words_and_severity() -> None:
    window = crewed(SILENT)
    verdicts = judge(SilentRank, window)
    assert levels(SilentRank, verdicts)[0] == "C"
    words = SilentRank.configured({}).explain(finding(SilentRank, verdicts, window))
    assert words.summary == "Hangs the job: does not spin, 0 % utilisation"
