import pytest

from gpuwatch.rules.ecc_uncorrectable import LIFETIME, VOLATILE, EccUncorrectable
from tests.rules.builders import (
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    over_time,
    story,
    window_of,
)


@pytest.mark.parametrize(
    ("volatile", "expected"),
    [
        ("0 0 0 0", "...."),
        ("0 1 1 1", ".F.."),
        ("0 1 2 2", ".FF."),
        ("3 3 3 3", "...."),
        ("3 0 0 0", "...."),
        ("3 0 1 1", "..F."),
        ("3 1 1 1", ".F.."),
        ("0 _ 1 1", ".?F."),
        ("1 _ 1 1", ".?.."),
        ("_ _ _ _", "????"),
    ],
)
def test_errors_since_driver_load(volatile: str, expected: str) -> None:
    window = window_of(fleet_of(), {VOLATILE: over_time(volatile)})
    assert "".join(story(EccUncorrectable, window)) == expected


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        ("7 7 7", "..."),
        ("7 8 8", ".F."),
        ("7 0 0", "..."),
        ("7 0 7", "..."),
        ("7 0 8", "..F"),
        ("_ 7 7", "?.."),
    ],
)
def test_errors_in_the_boards_life(lifetime: str, expected: str) -> None:
    window = window_of(fleet_of(), {LIFETIME: over_time(lifetime)})
    assert "".join(story(EccUncorrectable, window)) == expected


@pytest.mark.parametrize(
    ("volatile", "expected"),
    [("0 0 1 1", "F"), ("0 1 0 0", "F"), ("1 1 1 1", "."), ("1", ".")],
)
def test_the_first_look_reaches_back(volatile: str, expected: str) -> None:
    window = window_of(fleet_of(), {VOLATILE: over_time(volatile)})
    assert marks(judge(EccUncorrectable, window)) == expected


def test_the_first_look_reaches_back_ten_minutes_only() -> None:
    readings = over_time("0 1" + " 1" * 40)
    window = window_of(fleet_of(), {VOLATILE: readings})
    assert marks(judge(EccUncorrectable, window)) == "."
    window = window_of(fleet_of(), {VOLATILE: readings[:-1]})
    assert marks(judge(EccUncorrectable, window)) == "F"


def test_errors_while_gpuwatch_was_away_are_news() -> None:
    window = window_of(fleet_of(), {VOLATILE: "2"}, kept={VOLATILE: "0"})
    assert levels(EccUncorrectable, judge(EccUncorrectable, window)) == "C"


def test_a_gpu_that_joined_since_has_nothing_kept() -> None:
    window = window_of(fleet_of(gpus=2), {VOLATILE: "2 2"}, kept={VOLATILE: "1"})
    assert marks(judge(EccUncorrectable, window)) == "F."


def test_a_gpu_without_series_is_unknown_though_its_node_exports_zeros() -> None:
    window = window_of(fleet_of(gpus=2), {VOLATILE: "0"}, sample_age_seconds="0 _")
    assert marks(judge(EccUncorrectable, window)) == ".?"


@pytest.mark.parametrize(
    ("now", "summary"),
    [("1", "Uncorrectable memory error"), ("3", "3 uncorrectable memory errors")],
)
def test_words(now: str, summary: str) -> None:
    window = window_of(fleet_of(), {VOLATILE: now, LIFETIME: "9"}, kept={VOLATILE: "0"})
    rule = EccUncorrectable.configured({})
    found = finding(rule, judge(rule, window), window)
    assert found.evidence == {
        "new_uncorrectable_errors": float(now),
        "uncorrectable_errors_in_lifetime": 9.0,
    }
    words = rule.explain(found)
    assert words.summary == summary
    assert words.action.startswith("Drain the node and reset the GPU")
