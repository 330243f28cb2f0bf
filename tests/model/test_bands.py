"""Nodes sorted by gaps: what is alike stays together, and nobody is split off alone."""

import numpy as np
import pytest

from gpuwatch.model.bands import Bands, by_gaps
from tests.rules.builders import column


def runs(values: str, gap: float = 60.0) -> str:
    """A letter a value by its run, `_` = none."""
    found = by_gaps(column(values, len(values.split())), gap)
    return "".join("_" if n < 0 else "abcdefgh"[n] for n in found.tolist())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("0 10 20", "aaa"),
        ("20 0 10", "aaa"),
        # a gap of 60 s is none, 61 s is
        ("0 60 120", "aaa"),
        ("0 60 121", "aab"),
        ("300 0 301 1", "baba"),
        ("0 _ 10", "a_a"),
        ("_ _", "__"),
        # no run is longer than three gaps, however small the steps
        ("0 50 100 150 180 181", "aaaaab"),
        ("0 50 100 150 200 250", "aaaabb"),
        ("7", "a"),
    ],
)
def test_runs(values: str, expected: str) -> None:
    assert runs(values) == expected


def test_no_values() -> None:
    assert by_gaps(np.empty(0), 60.0).tolist() == []


def split(bands: str, *levels: tuple[float, str]) -> str:
    """A letter a node by its band after the cut."""
    numbers = np.array(["_ab".index(mark) - 1 for mark in bands])
    count = len(bands)
    cut = Bands.split(numbers, {share: column(text, count) for share, text in levels})
    return "".join("_" if n < 0 else "abcdefgh"[n] for n in cut.of_node.tolist())


@pytest.mark.parametrize(
    ("bands", "level", "expected"),
    [
        ("aaaa", "1000 1000 1040 1040", "aaaa"),
        ("aaaa", "1000 1000 1051 1051", "aabb"),
        ("aaaa", "1051 1000 1051 1000", "baba"),
        # small steps from one to the other are no jump
        ("aaaaa", "1000 1040 1080 1120 1160", "aaaaa"),
        # a lone node is never split off, however odd, and whether low or high
        ("aaaa", "500 1000 1000 1000", "aaaa"),
        ("aaaa", "1000 1000 1000 2000", "aaaa"),
        # nor two that are odd in different ways
        ("aaaaa", "500 700 1000 1000 1000", "aaaaa"),
        # it goes with the nearest of two kinds
        ("aaaaa", "1000 1000 1090 1200 1200", "aaabb"),
        ("aaaaa", "1000 1000 1130 1200 1200", "aabbb"),
        # three nodes are too few for two kinds
        ("aaa", "1000 2000 2000", "aaa"),
        # unknown levels are of the commonest kind
        ("aaaaaa", "1000 1000 2000 2000 2000 _", "aabbbb"),
        ("aaaaaa", "1000 1000 1000 2000 2000 _", "aaabba"),
        ("aaaa", "_ _ _ _", "aaaa"),
        # bands are cut one by one, and nobody joins another's
        ("aaaabbbb", "1000 1000 2000 2000 1000 1000 2000 2000", "aabbccdd"),
        ("aabb", "1000 2000 1000 2000", "aabb"),
        ("aaaa__", "1000 1000 2000 2000 3000 3000", "aabb__"),
        ("____", "1000 1000 2000 2000", "____"),
    ],
)
def test_cut_where_a_level_jumps(bands: str, level: str, expected: str) -> None:
    assert split(bands, (0.05, level)) == expected


def test_three_kinds() -> None:
    level = "1000 1000 1500 1500 2000 2000"
    assert split("aaaaaa", (0.05, level)) == "aabbcc"


def test_cut_by_one_level_and_then_by_the_other() -> None:
    clock = "1000 1000 1000 1000 1500 1500"
    power = "400 400 500 500 400 400"
    assert split("aaaaaa", (0.05, clock), (0.10, power)) == "aabbcc"


def test_stages_bear_the_name_of_their_job() -> None:
    bands = np.array([-1, 0, 0, 0, 0, 1, 1])
    level = column("_ 1000 1000 2000 2000 1000 1000", 7)
    cut = Bands.split(bands, {0.05: level})
    assert cut.of_node.tolist() == [-1, 0, 0, 1, 1, 2, 2]
    assert cut.first_node == (1, 1, 5)


def test_nobody_works() -> None:
    cut = Bands.split(np.full(3, -1), {0.05: np.ones(3)})
    assert (cut.of_node.tolist(), cut.first_node) == ([-1, -1, -1], ())
