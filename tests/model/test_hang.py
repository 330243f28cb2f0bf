"""The signature of a hang at its boundaries: eight H100 (700 W) of one job."""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.company import Company
from gpuwatch.model.hang import Hang, hang
from gpuwatch.model.window import Window
from tests.rules.builders import H100, Written, fleet_of, window_of
from tests.rules.crews import crewed, first, several

ROWS = 8
SPINNING: dict[str, Written] = {
    "utilization_percent": "100",
    "power_watts": "125",
    "memory_copy_percent": "0",
    "tensor_active_ratio": "0",
}
MEASURES = (
    "utilization_percent",
    "power_watts",
    "memory_copy_percent",
    "tensor_active_ratio",
)


def spinning(rows: int = ROWS, *, model: str = H100, **readings: Written) -> Window:
    return window_of(fleet_of(gpus=rows, model=model), {**SPINNING, **readings})


def with_one(metric: str, value: str) -> Window:
    """Spinning, but for one metric."""
    return window_of(fleet_of(gpus=ROWS), {**SPINNING, metric: value})


def seen(window: Window, groups: str = "0", reached: str = "1") -> Hang:
    crew = crewed(window, groups, reached=reached).crew
    assert crew is not None
    return hang(window, crew.company, crew.stride.reached)


def mark(found: Hang, group: int = 0) -> str:
    if not found.known[group]:
        assert not found.hung[group]
        return "?"
    return "F" if found.hung[group] else "."


@pytest.mark.parametrize(
    ("metric", "value", "expected"),
    [
        ("utilization_percent", "98", "F"),
        ("utilization_percent", "97.9", "."),
        ("memory_copy_percent", "2", "F"),
        ("memory_copy_percent", "2.1", "."),
        ("tensor_active_ratio", "0.01", "F"),
        ("tensor_active_ratio", "0.011", "."),
        # 35 % of 700 W
        ("power_watts", "244", "F"),
        ("power_watts", "246", "."),
        ("power_watts", "690", "."),
        # one sign of work is enough, and without any nothing is told
        ("memory_copy_percent", "_", "F"),
        ("tensor_active_ratio", "_", "F"),
        ("utilization_percent", "_", "?"),
        ("power_watts", "_", "?"),
    ],
)
def test_each_boundary(metric: str, value: str, expected: str) -> None:
    assert mark(seen(with_one(metric, value))) == expected


def test_no_sign_of_work_at_all() -> None:
    window = spinning(memory_copy_percent="_", tensor_active_ratio="_")
    assert mark(seen(window)) == "?"


@pytest.mark.parametrize("metric", ["memory_copy_percent", "tensor_active_ratio"])
def test_one_sign_of_work_contradicts_the_other(metric: str) -> None:
    assert mark(seen(with_one(metric, "40"))) == "."


@pytest.mark.parametrize(
    ("watts", "limit", "expected"),
    [("240", "700", "F"), ("240", "600", "."), ("200", "600", "F"), ("240", "_", "F")],
)
def test_the_limit_in_force_counts(watts: str, limit: str, expected: str) -> None:
    window = spinning(power_watts=watts, power_limit_watts=limit)
    assert mark(seen(window)) == expected


def test_a_model_without_a_known_limit_is_unknown() -> None:
    assert mark(seen(spinning(model="Strange Board 9"))) == "?"


def test_armed_only_once_the_stride_was_reached() -> None:
    assert mark(seen(spinning(), reached="0")) == "?"


@pytest.mark.parametrize(("spinning_rows", "expected"), [(5, "F"), (4, "."), (3, ".")])
def test_the_median_gpu_decides(spinning_rows: int, expected: str) -> None:
    working = ROWS - spinning_rows
    window = spinning(
        tensor_active_ratio=several((spinning_rows, "0"), (working, "0.4")),
    )
    assert mark(seen(window)) == expected


def test_the_power_as_people_read_it() -> None:
    assert seen(spinning(power_watts="140")).power_percent.tolist() == [
        pytest.approx(20.0)
    ]


def test_groups_hang_apart() -> None:
    window = spinning(tensor_active_ratio=several((4, "0"), (4, "0.4")))
    found = seen(window, several((4, "0"), (4, "1")))
    assert (mark(found, 0), mark(found, 1)) == ("F", ".")


def test_absent_rows_say_nothing() -> None:
    window = window_of(fleet_of(gpus=4), SPINNING, sample_age_seconds="_ _ _ _")
    assert mark(seen(window)) == "?"


def test_nobody_runs() -> None:
    found = hang(spinning(), Company(np.full(ROWS, -1)), np.empty(0, bool))
    assert found.hung.tolist() == []
    assert not found.silent.any()


@pytest.mark.parametrize(
    ("busy", "silent"),
    [
        (first("0", "100", 8), [0]),
        (first("49.9", "100", 8), [0]),
        (first("50", "100", 8), []),
        (first("_", "100", 8), []),
        # of eight one at most, of twenty two, of thirty three
        (several((2, "0"), (6, "100")), []),
        (several((2, "0"), (17, "100")), []),
        (several((2, "0"), (18, "100")), [0, 1]),
        (several((3, "0"), (18, "100")), []),
        (several((3, "0"), (27, "100")), [0, 1, 2]),
    ],
)
def test_who_does_not_even_spin(busy: str, silent: list[int]) -> None:
    rows = len(busy.split())
    found = seen(spinning(rows, utilization_percent=busy))
    assert mark(found) == "F"
    assert np.flatnonzero(found.silent).tolist() == silent


def test_in_a_job_that_works_nobody_is_silent() -> None:
    window = spinning(
        utilization_percent=first("0", "100", 8), tensor_active_ratio="0.4"
    )
    assert not seen(window).silent.any()


def test_a_silent_one_without_a_job_is_none() -> None:
    window = spinning(utilization_percent=first("0", "100", 8))
    found = seen(window, first("_", "0", 8))
    assert mark(found) == "F"
    assert not found.silent.any()


def test_metrics_that_nobody_exports() -> None:
    window = spinning()
    for metric in MEASURES[:2]:
        columns = {k: v for k, v in window.now.columns.items() if k != metric}
        blind = replace(window, now=replace(window.now, columns=columns))
        assert mark(seen(blind)) == "?"
