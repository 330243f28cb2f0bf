import pytest

from gpuwatch.rules.nvlink_errors import NvlinkErrors
from tests.rules.builders import (
    finding,
    fleet_of,
    in_turn,
    judge,
    levels,
    marks,
    over_time,
    window_of,
)

RECOVERY, FAILED = "nvlink_recovery_errors", "nvlink_recovery_failures"
REPLAY, CRC = "nvlink_replay_errors", "nvlink_crc_errors"


@pytest.mark.parametrize("metric", [RECOVERY, FAILED])
@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ("5 5 5", "."),
        ("5 6 6", "F"),
        ("5 0 0", "."),
        ("5 0 1", "F"),
        ("0 1" + " 1" * 39, "F"),
        ("0 1" + " 1" * 40, "."),
        ("5 6 _", "?"),
        ("5 _ 6", "F"),
        ("_ _ 6", "?"),
        ("6", "?"),
    ],
)
def test_any_recovery_within_ten_minutes(
    metric: str, readings: str, expected: str
) -> None:
    window = window_of(fleet_of(), {metric: over_time(readings)})
    assert marks(judge(NvlinkErrors, window)) == expected


@pytest.mark.parametrize("metric", [REPLAY, CRC])
@pytest.mark.parametrize(
    ("per_poll", "polls", "expected"),
    [(1500, 8, "F"), (1499, 8, "."), (0, 8, "."), (1500, 1, "F"), (1500, 0, "?")],
)
def test_a_hundred_a_second_over_two_minutes(
    metric: str, per_poll: int, polls: int, expected: str
) -> None:
    readings = [str(poll * per_poll) for poll in range(polls + 1)]
    window = window_of(fleet_of(), {metric: readings})
    assert marks(judge(NvlinkErrors, window)) == expected


def test_a_burst_that_is_over_is_not_a_rate() -> None:
    window = window_of(fleet_of(), {CRC: ["0", "1000000", *["1000000"] * 9]})
    assert marks(judge(NvlinkErrors, window)) == "."


def test_each_gpu_by_itself_and_only_a_warning() -> None:
    window = window_of(fleet_of(gpus=4), {RECOVERY: ["0 0 3 _", "0 1 3 _"]})
    assert levels(NvlinkErrors, judge(NvlinkErrors, window)) == ".W.?"


def test_the_counter_that_fired_must_be_seen_again() -> None:
    fleet = fleet_of()
    windows = [
        window_of(fleet, {RECOVERY: recovery, CRC: ["0", "0"]})
        for recovery in (["0", "1"], ["_", "_"], ["1", "1"])
    ]
    assert [marks(v) for v in in_turn(NvlinkErrors, windows)] == ["F", "?", "."]


def test_thresholds_can_be_set() -> None:
    rule = NvlinkErrors.configured({"crc_errors_per_second": 10})
    window = window_of(fleet_of(gpus=2), {CRC: ["0 0", "150 149"]})
    assert marks(judge(rule, window)) == "F."


@pytest.mark.parametrize(
    ("metrics", "summary"),
    [
        ({FAILED: ["0", "1"], RECOVERY: ["0", "1"]}, "NVLink failed to recover"),
        ({RECOVERY: ["0", "1"]}, "NVLink dropped out and recovered"),
        ({CRC: ["0", "9000"]}, "Many CRC errors on NVLink"),
        ({REPLAY: ["0", "9000"]}, "Many repeated packets on NVLink"),
    ],
)
def test_words(metrics: dict[str, list[str]], summary: str) -> None:
    rule = NvlinkErrors.configured({})
    window = window_of(fleet_of(), metrics)
    found = finding(rule, judge(rule, window), window)
    assert len(found.evidence) == len(metrics)
    words = rule.explain(found)
    assert words.summary == summary
    assert "nvidia-smi nvlink -e" in words.action
