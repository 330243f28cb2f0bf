import numpy as np
import pytest

from gpuwatch.model.majority import majority

NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "groups", "usual"),
    [
        ([1, 1, 1, 1, 1, 2], [0] * 6, [1] * 6),
        ([1, 1, 1, 1, 2, 2], [0] * 6, [NAN] * 6),
        ([1, 1, 1, 1, 1, NAN], [0] * 6, [NAN] * 6),  # five known
        ([1] * 6 + [3] * 6, [0] * 6 + [2] * 6, [1] * 6 + [3] * 6),
        ([1] * 6 + [3], [0] * 6 + [-1], [1] * 6 + [NAN]),
        ([NAN], [5], [NAN]),
        ([], [], []),
    ],
)
def test_three_quarters(
    values: list[float], groups: list[int], usual: list[float]
) -> None:
    found = majority(np.array(values, float), np.array(groups, np.int64), 0.75)
    np.testing.assert_array_equal(found, usual)
