import pytest

from gpuwatch.rules.nvlink_down import NvlinkDown
from tests.rules.builders import (
    finding,
    fleet_of,
    in_turn,
    judge,
    levels,
    marks,
    over_time,
    story,
    window_of,
)


@pytest.mark.parametrize(
    ("down", "expected"),
    [
        ("0 0 0 0", "...."),
        ("0 1 0 18", ".W.W"),
        ("0 _ 1 0", ".?W."),
        ("_ _ _ _", "????"),
        ("4 4 4 4", "...."),
        ("4 4 5 4", "..W."),
    ],
)
def test_against_the_best_gpu_of_the_node(down: str, expected: str) -> None:
    window = window_of(fleet_of(gpus=4), nvlinks_down=down)
    assert levels(NvlinkDown, judge(NvlinkDown, window)) == expected


@pytest.mark.parametrize(
    ("down", "expected"),
    [("0 0 2 2", "..FF"), ("2 2 2 2", "FFFF"), ("4 2 _ 4", "FF?F")],
)
def test_links_that_were_up_on_the_node_count_even_if_all_are_down(
    down: str, expected: str
) -> None:
    window = window_of(fleet_of(gpus=4), nvlinks_down=["2 2 0 2", down])
    assert story(NvlinkDown, window)[1] == expected


def test_a_node_down_from_the_first_look_is_compared_with_its_model() -> None:
    fleet = fleet_of(nodes=3, gpus=2)
    window = window_of(fleet, nvlinks_down="0 0 18 18 0 0")
    assert marks(judge(NvlinkDown, window)) == "..FF.."
    other = fleet_of(nodes=3, gpus=2, model=["A", "A", "B", "B", "A", "A"])
    window = window_of(other, nvlinks_down="0 0 12 12 0 0")
    assert marks(judge(NvlinkDown, window)) == "......"


def test_links_that_came_up_and_fell_again() -> None:
    window = window_of(fleet_of(), nvlinks_down=over_time("3 0 1 _ 3 0"))
    assert "".join(story(NvlinkDown, window)) == "..F?F."


@pytest.mark.parametrize(
    ("utilization", "watts", "jobs", "expected"),
    [
        ("0", "70", "", "W"),
        ("_", "_", "", "W"),
        ("0", "70", "llm _", "C"),
        ("100", "690", "", "C"),
        ("100", "_", "", "C"),
        ("0", "690", "", "C"),
    ],
)
def test_critical_while_the_gpu_works(
    utilization: str, watts: str, jobs: str, expected: str
) -> None:
    window = window_of(
        fleet_of(gpus=2),
        nvlinks_down="1 0",
        utilization_percent=utilization,
        power_watts=watts,
        jobs=jobs,
    )
    assert levels(NvlinkDown, judge(NvlinkDown, window)) == expected + "."


def test_a_lost_gpu_is_unknown_though_its_node_exports_zeros() -> None:
    window = window_of(fleet_of(gpus=2), nvlinks_down="0", sample_age_seconds="0 _")
    assert marks(judge(NvlinkDown, window)) == ".?"


def test_gpus_that_joined_later_have_nothing_kept() -> None:
    small, grown = fleet_of(gpus=1), fleet_of(gpus=2)
    windows = [
        window_of(small, nvlinks_down="0"),
        window_of(grown, nvlinks_down="0 1"),
    ]
    assert marks(in_turn(NvlinkDown, windows)[-1]) == ".F"


def test_held_for_a_minute() -> None:
    assert NvlinkDown.configured({}).params.hold == 60.0


@pytest.mark.parametrize(
    ("down", "summary"), [("1 0", "NVLink down"), ("18 0", "18 NVLinks down")]
)
def test_words(down: str, summary: str) -> None:
    rule = NvlinkDown.configured({})
    window = window_of(fleet_of(gpus=2), nvlinks_down=down)
    words = rule.explain(finding(rule, judge(rule, window), window))
    assert words.summary == summary
    assert "fabric manager" in words.action
