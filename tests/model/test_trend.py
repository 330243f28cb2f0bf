"""A steady rise is told from noise, a step, a bump and a plateau."""

import numpy as np
import pytest
from numpy.typing import NDArray

from gpuwatch.model.trend import POINTS, rising, thinned

LINE = np.arange(12.0)


def solid(values: NDArray[np.float64], least: float = 4.0) -> bool:
    return bool(rising(values[:, None], least).solid[0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(LINE * 0.5, True, id="line"),
        pytest.param(LINE * 0.3, False, id="too little"),
        pytest.param(-LINE, False, id="falling"),
        pytest.param(np.where(LINE >= 6, 8.0, 0.0), False, id="step"),
        pytest.param(np.where(LINE >= 8, 4.0, 0.0) + np.where(LINE >= 4, 4, 0), False,
                     id="two steps"),
        pytest.param(np.minimum(LINE, 4.0) * 2, False, id="levelled off"),
        pytest.param(8 * np.sin(LINE * np.pi / 11), False, id="bump"),
        pytest.param(np.where(LINE == 11, 90.0, 0.0), False, id="spike at the end"),
        pytest.param(np.where(LINE == 5, 90.0, LINE), False, id="spike inside"),
        pytest.param(np.where(LINE % 6 == 5, np.nan, LINE), True, id="gaps"),
        pytest.param(np.where(LINE < 4, np.nan, LINE), False, id="too few points"),
        pytest.param(np.full(12, np.nan), False, id="nothing"),
    ],
)  # fmt: skip
def test_steady_rise(values: NDArray[np.float64], expected: bool) -> None:
    assert solid(values) is expected


def test_slope_rise_and_start() -> None:
    trend = rising(np.stack([LINE * 0.5 + 3, LINE * 0], axis=1), 4.0)
    np.testing.assert_allclose(trend.per_step, [0.5, np.nan])
    np.testing.assert_allclose(trend.rise, [5.5, np.nan])
    np.testing.assert_allclose(trend.start, [3.0, np.nan])


def test_noise_is_hardly_ever_a_rise() -> None:
    rng = np.random.default_rng(5)
    assert rising(rng.normal(0, 1.5, (12, 20_000)), 4.0).solid.sum() <= 2
    walk = rng.normal(0, 0.3, (12, 20_000)).cumsum(axis=0)
    assert rising(walk, 4.0).solid.sum() <= 2


def test_many_columns_are_done_in_parts() -> None:
    trend = rising(np.repeat(LINE[:, None], 9000, axis=1), 4.0)
    assert trend.solid.all()
    np.testing.assert_allclose(trend.per_step, 1.0)


def test_thinned_takes_the_newest_and_leaves_gaps_out() -> None:
    history = np.arange(25.0)[:, None]
    history[2] = np.nan
    history[5:7] = np.nan
    found = thinned(history, POINTS)[:, 0]
    assert found[:4].tolist()[0] == 1.0
    assert np.isnan(found[2])
    assert found[-1] == 23.5
