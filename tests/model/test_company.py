"""Arithmetic over groups: medians, counts, and back to rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpuwatch.model.company import Company
from tests.rules.builders import column


def company(groups: str, count: int = 2) -> Company:
    rows = len(groups.split())
    group_of = np.nan_to_num(column(groups, rows), nan=-1).astype(np.int64)
    return Company(group_of, tuple(f"job-{n}" for n in range(count)))


def written(values: np.ndarray) -> str:
    return " ".join("_" if np.isnan(v) else f"{v:g}" for v in values.tolist())


@pytest.mark.parametrize(
    ("groups", "values", "fewest", "expected"),
    [
        ("0 0 0 1 1", "3 1 2 10 20", 1, "2 15"),
        ("0 1 0 1 0", "3 10 1 20 2", 1, "2 15"),
        ("0 0 0 1 1", "3 _ 2 _ _", 1, "2.5 _"),
        ("0 0 0 1 1", "3 1 2 10 20", 3, "2 _"),
        ("0 0 0 1 1", "3 1 _ 10 20", 3, "_ _"),
        # who is alone is in no median
        ("0 _ 0 1 _", "1 99 3 7 99", 1, "2 7"),
        ("_ _ _ _ _", "1 2 3 4 5", 1, "_ _"),
        # a group without rows
        ("1 1 1 1 1", "1 2 3 4 5", 1, "_ 3"),
        ("0 0 0 1 1", "-5 0 5 -1 -3", 1, "0 -2"),
    ],
)
def test_medians(groups: str, values: str, fewest: int, expected: str) -> None:
    found = company(groups).medians(column(values, 5), fewest)
    assert written(found) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(-1, 3),
            st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6)),
        ),
        max_size=40,
    )
)
def test_medians_are_those_of_numpy(rows: list[tuple[int, float]]) -> None:
    groups = np.array([group for group, _ in rows], dtype=np.int64)
    values = np.array([value for _, value in rows], dtype=np.float64)
    found = Company(groups, ("a", "b", "c", "d")).medians(values)
    for group in range(4):
        known = values[(groups == group) & ~np.isnan(values)]
        if len(known) == 0:
            assert np.isnan(found[group])
        else:
            assert found[group] == pytest.approx(float(np.median(known)))


def test_counts_and_sizes() -> None:
    some = company("0 0 1 _ 1")
    assert some.sizes.tolist() == [2, 2]
    assert some.counts(np.array([True, False, True, True, True])).tolist() == [1, 2]


def test_back_to_rows() -> None:
    some = company("0 1 _ 1")
    assert written(some.spread(np.array([5.0, 7.0]))) == "5 7 _ 7"
    inside = some.rows_in(np.array([False, True]))
    assert inside.tolist() == [False, True, False, True]


def test_who_is_alone_is_in_none_even_when_all_groups_are_meant() -> None:
    assert company("_ 0", 1).rows_in(np.array([True])).tolist() == [False, True]


def test_nobody_has_company() -> None:
    nobody = Company(np.full(3, -1))
    assert nobody.sizes.tolist() == []
    assert written(nobody.spread(np.empty(0))) == "_ _ _"
    assert not nobody.rows_in(np.empty(0, bool)).any()
    assert nobody.medians(np.ones(3)).tolist() == []
    assert nobody.inferred.tolist() == []


def test_guessed_groups() -> None:
    some = Company(np.array([0, 1]), ("4211", "(inferred) n0"))
    assert some.inferred.tolist() == [False, True]
