import numpy as np
import pytest

from gpuwatch.model.window import moved
from tests.rules.builders import fleet_of, over_time, window_of


@pytest.mark.parametrize(
    ("readings", "increase", "span"),
    [
        ("5 5 5", 0.0, 30.0),
        ("5 6 8", 3.0, 30.0),
        ("5 6 2", 3.0, 30.0),
        ("5 0 0", 0.0, 30.0),
        ("5 _ 8", 3.0, 30.0),
        ("_ 5 8", 3.0, 15.0),
        ("_ _ 8", np.nan, 0.0),
        ("5 8 _", np.nan, 30.0),
        ("_ _ _", np.nan, np.nan),
        ("8", np.nan, 0.0),
    ],
)
def test_increase_and_span_of_a_counter(
    readings: str, increase: float, span: float
) -> None:
    window = window_of(fleet_of(gpus=2), pcie_replays=over_time(readings))
    assert window.increase("pcie_replays", 600.0).tolist() == pytest.approx(
        [increase] * 2, nan_ok=True
    )
    assert window.span("pcie_replays", 600.0).tolist() == pytest.approx(
        [span] * 2, nan_ok=True
    )


def test_only_the_last_seconds_count() -> None:
    window = window_of(fleet_of(), pcie_replays=over_time("0 5 6 6"))
    assert window.increase("pcie_replays", 30.0).tolist() == [1.0]
    assert window.span("pcie_replays", 30.0).tolist() == [30.0]


def test_rows_that_move_and_rows_that_stand_still() -> None:
    lines = ["1 1 1 _ _", "1 2 _ 1 _", "1 1 1 1 _"]
    window = window_of(fleet_of(gpus=5), pcie_replays=lines)
    assert moved(window.past["pcie_replays"]).tolist() == [
        False, True, True, True, True,
    ]  # fmt: skip
    increase = window.increase("pcie_replays", 600.0)
    assert increase.tolist() == pytest.approx([0, 2, 0, 0, np.nan], nan_ok=True)
