"""A node among the others of its model."""

import numpy as np
import pytest

from gpuwatch.model.nodes import above_others, against_usual, code_of_node

NAN = float("nan")


@pytest.mark.parametrize(
    ("celsius", "above"),
    [
        ([60, 60, 61, 62, 60, 75], [-2, -2, -1, 0, -2, 13]),
        ([60, 60, 61, 62, 75], [NAN] * 5),
        ([60, 60, 61, 62, 75, NAN], [NAN] * 6),
    ],
)
def test_above_the_hottest_ordinary_one(
    celsius: list[float], above: list[float]
) -> None:
    found = above_others(np.array(celsius), np.zeros(len(celsius), np.int64))
    np.testing.assert_array_equal(found, above)


def test_a_tenth_may_be_odd_and_models_stay_apart() -> None:
    codes = np.array([0] * 20 + [1] * 6 + [-1])
    celsius = np.array([60.0] * 18 + [80.0, 90.0] + [95.0] * 5 + [97.0, 200.0])
    found = above_others(celsius, codes)
    np.testing.assert_array_equal(found[:20], [0] * 18 + [20, 30])
    np.testing.assert_array_equal(found[20:], [0, 0, 0, 0, 0, 2, NAN])


def test_against_the_usual() -> None:
    codes = np.array([0] * 7 + [1] * 2)
    found = against_usual(np.array([60, 61, 62, 63, 64, 70, NAN, 80, 90.0]), codes)
    np.testing.assert_array_equal(found[:6], [-2.5, -1.5, -0.5, 0.5, 1.5, 7.5])
    assert np.isnan(found[6:]).all()


def test_a_node_is_of_its_gpus_model() -> None:
    found = code_of_node(np.array([1, 1, 0]), np.array([0, 0, 2]), 3)
    assert found.tolist() == [1, -1, 0]
