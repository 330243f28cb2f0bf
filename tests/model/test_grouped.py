"""Medians by group, against numpy's own."""

import numpy as np
import pytest

from gpuwatch.model.grouped import medians_by, spread


@pytest.mark.parametrize("groups", [1, 7, 5000])
def test_is_numpys_median_of_each_group(groups: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(60, 15, 20_000)
    values[rng.random(20_000) < 0.1] = np.nan
    group = rng.integers(0, groups, 20_000)
    found = medians_by(values, group, groups)
    for number in range(0, groups, max(1, groups // 50)):
        mine = values[group == number]
        known = mine[~np.isnan(mine)]
        expected = np.median(known) if len(known) else np.nan
        assert found[number] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_few_nobody_and_equal_values() -> None:
    values = np.array([5.0, 5.0, 9.0, np.nan, 4.0, 70.0])
    groups = np.array([0, 0, 1, 1, 3, -1])
    found = medians_by(values, groups, 5, fewest=1)
    np.testing.assert_allclose(found, [5, 9, np.nan, 4, np.nan], atol=1e-6)
    found = medians_by(values, groups, 5, fewest=2)
    np.testing.assert_allclose(found, [5, np.nan, np.nan, np.nan, np.nan], atol=1e-6)
    assert np.isnan(medians_by(np.full(6, np.nan), groups, 5)).all()
    np.testing.assert_allclose(
        medians_by(np.full(6, 4.0), groups, 4), [4, 4, np.nan, 4], atol=1e-6
    )


def test_spread_gives_strangers_nothing() -> None:
    rows = spread(np.array([1.0, 2.0]), np.array([1, 0, -1]))
    np.testing.assert_array_equal(rows, [2, 1, np.nan])
