import numpy as np
import pytest

from gpuwatch.model.causes import Cause, alive, weighed
from gpuwatch.model.severity import Severity
from tests.rules.builders import column, fleet_of, window_of


def cause(words: str, severity: Severity = Severity.WARNING) -> Cause:
    """`1` fires, `0` is clear, `_` is not known."""
    value = column(words, len(words.split()))
    return Cause(value == 1, ~np.isnan(value), severity)


@pytest.mark.parametrize(
    ("one", "two", "before", "marks", "bits"),
    [
        ("1", "0", "_", "F", 1.0),
        ("0", "1", "_", "F", 2.0),
        ("1", "1", "_", "F", 3.0),
        ("0", "0", "_", ".", np.nan),
        ("_", "0", "_", ".", np.nan),
        ("_", "_", "_", "?", np.nan),
        ("_", "0", "1", "?", 1.0),
        ("_", "0", "2", ".", np.nan),
        ("_", "1", "1", "F", 3.0),
        ("0", "0", "3", ".", np.nan),
        ("_", "_", "1", "?", 1.0),
    ],
)
def test_what_fired_must_be_seen_again_to_be_clear(
    one: str, two: str, before: str, marks: str, bits: float
) -> None:
    found = weighed([cause(one), cause(two)], column(before, 1))
    mark = "F" if found.firing[0] else "." if found.known[0] else "?"
    assert mark == marks
    assert found.bits.tolist() == pytest.approx([bits], nan_ok=True)


def test_the_loudest_cause_gives_the_severity() -> None:
    quiet, loud = cause("1 1 0"), cause("0 1 1", Severity.CRITICAL)
    found = weighed([loud, quiet], column("_", 3))
    assert found.severity.tolist() == [2, 3, 3]


def test_a_gpu_without_series_has_no_zero() -> None:
    window = window_of(fleet_of(gpus=2), pcie_replays="0 0", sample_age_seconds="0 _")
    assert alive(window, "pcie_replays").tolist() == pytest.approx(
        [0.0, np.nan], nan_ok=True
    )
