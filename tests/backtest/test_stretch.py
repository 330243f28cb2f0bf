"""The window as somebody wrote it."""

import pytest

from gpuwatch.backtest.stretch import Stretch
from gpuwatch.errors import ConfigError

NOW = 1_000_000.0


def test_the_end_is_on_a_whole_step_and_not_after_now() -> None:
    assert Stretch(NOW - 100, NOW + 500, 15.0).checked(NOW) == Stretch(
        NOW - 100, NOW - 10, 15.0, 1800.0
    )


def test_the_warm_up_is_a_whole_number_of_steps() -> None:
    assert Stretch(NOW - 600, NOW, 45.0, 100.0).begin == NOW - 600 - 90
    assert Stretch(NOW - 600, NOW, 45.0, 0.0).begin == NOW - 600


@pytest.mark.parametrize(
    ("stretch", "said"),
    [
        (Stretch(NOW, NOW + 60, 15.0), "--start: lies in the future"),
        (Stretch(NOW - 60, NOW - 60, 15.0), "--end: is not after --start"),
        (Stretch(NOW - 60, NOW - 90, 15.0), "--end: is not after --start"),
        (Stretch(NOW - 60, NOW, 0.5), "--step: 0.5s is below 1s"),
        (Stretch(NOW - 60, NOW, 61.0), "--step: 0 steps"),
        (Stretch(NOW - 6e6, NOW, 1.0), "--step: 6000000 steps"),
    ],
)
def test_no_window(stretch: Stretch, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        stretch.checked(NOW)
    assert str(caught.value).startswith(said)
