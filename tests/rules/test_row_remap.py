import pytest

from gpuwatch.rules.row_remap import RowRemap
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

ROWS = "rows_remapped_uncorrectable"


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("row_remap_failed", "0 1 _", ".C?"),
        ("row_remap_pending", "0 1 _", ".C?"),
        ("pages_retired_pending", "0 1 _", ".C?"),
        ("memory_unrepairable", "0 1 _", ".C?"),
        ("sram_threshold_exceeded", "0 1 _", ".W?"),
        ("banks_without_spare_rows", "0 1 _", ".W?"),
        (ROWS, "511 512 _", ".C?"),
    ],
)
def test_each_state(metric: str, values: str, expected: str) -> None:
    window = window_of(fleet_of(gpus=3), {metric: values})
    assert levels(RowRemap, judge(RowRemap, window)) == expected


def test_the_loudest_state_gives_the_severity() -> None:
    window = window_of(
        fleet_of(gpus=3),
        sram_threshold_exceeded="1 1 0",
        row_remap_pending="0 1 1",
    )
    assert levels(RowRemap, judge(RowRemap, window)) == "WCC"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("7 7 7", "..."),
        ("7 8 8", ".FF"),
        ("7 _ 8", ".?F"),
        ("7 0 7", "..."),
        ("_ 7 7", "?.."),
        ("0 3 0", ".FF"),
    ],
)
def test_newly_remapped_rows(rows: str, expected: str) -> None:
    window = window_of(fleet_of(), {ROWS: over_time(rows)})
    assert "".join(story(RowRemap, window)) == expected


def test_newly_remapped_rows_are_told_for_an_hour() -> None:
    readings = ["7", *["9"] * 242]
    window = window_of(fleet_of(), {ROWS: readings})
    told = "".join(story(RowRemap, window))
    assert told == "." + "F" * 241 + "."


def test_a_state_that_is_no_longer_exported_is_not_clear() -> None:
    fleet = fleet_of()
    windows = [
        window_of(fleet, row_remap_failed="0", row_remap_pending=pending)
        for pending in ("1", "_", "_", "0", "_")
    ]
    assert [marks(v) for v in in_turn(RowRemap, windows)] == ["F", "?", "?", ".", "."]


def test_a_lost_gpu_is_unknown_though_its_node_exports_zeros() -> None:
    window = window_of(fleet_of(gpus=2), row_remap_failed="0", sample_age_seconds="0 _")
    assert marks(judge(RowRemap, window)) == ".?"


@pytest.mark.parametrize(
    ("metrics", "summary", "action"),
    [
        (
            {"row_remap_failed": "1", "row_remap_pending": "1"},
            "Memory row remap failed",
            "replaced",
        ),
        ({"memory_unrepairable": "1"}, "Memory cannot be repaired", "replaced"),
        ({ROWS: "512"}, "Memory has used up its remaps", "replaced"),
        (
            {"row_remap_pending": "1", ROWS: "4"},
            "Row remap waits for GPU reset",
            "reset the GPU",
        ),
        (
            {"pages_retired_pending": "1"},
            "Page retirement waits for GPU reset",
            "reset the GPU",
        ),
        ({"sram_threshold_exceeded": "1"}, "SRAM errors over threshold", "diagnostics"),
        (
            {"banks_without_spare_rows": "2"},
            "Memory banks without spare rows",
            "replaced",
        ),
    ],
)
def test_words(metrics: dict[str, str], summary: str, action: str) -> None:
    rule = RowRemap.configured({})
    window = window_of(fleet_of(), metrics)
    found = finding(rule, judge(rule, window), window)
    assert set(found.evidence) == set(metrics)
    words = rule.explain(found)
    assert words.summary == summary
    assert action in words.action


def test_words_for_new_rows() -> None:
    rule = RowRemap.configured({})
    windows = [window_of(fleet_of(), {ROWS: rows}) for rows in ("4", "6")]
    found = finding(rule, in_turn(rule, windows)[-1], windows[-1])
    assert found.evidence == {ROWS: 6.0, "newly_remapped_rows": 2.0}
    assert rule.explain(found).summary == "Memory rows were remapped"
