import pytest

from gpuwatch.rules.clock_setting import ClockSetting
from tests.rules.builders import (
    H100,
    Written,
    finding,
    fleet_of,
    in_turn,
    judge,
    levels,
    marks,
    story,
    window_of,
)

CLOCK = "application_sm_clock_megahertz"


def _marks(gpus: int = 8, **metrics: Written) -> str:
    return marks(judge(ClockSetting, window_of(fleet_of(gpus=gpus), metrics)))


@pytest.mark.parametrize(
    ("clocks", "told"),
    [
        ("1980 1980 1980 1980 1980 1980 1980 1410", ".......F"),
        ("1410 1410 1410 1410 1410 1410 1410 1410", "........"),  # locked on purpose
        ("1410 1410 1410 1410 1410 1410 1410 1980", ".......F"),
        ("1980 1980 1980 1980 1980 1980 1980 1950", ".......F"),
        ("1980 1980 1980 1980 1980 1980 1980 1951", "........"),
        ("1980 1980 1980 1980 1980 1980 1410 1410", "......FF"),
        ("1980 1980 1980 1980 1980 1410 1410 1410", "........"),  # no norm
        ("1980 1980 1980 1980 1980 _ _ 1410", ".....??F"),
        ("1980 1980 1980 1980 _ _ _ 1410", "....???."),  # five make no norm
    ],
)
def test_the_norm_is_what_three_quarters_have(clocks: str, told: str) -> None:
    assert _marks(application_sm_clock_megahertz=clocks) == told


def test_models_have_their_own_norms() -> None:
    fleet = fleet_of(nodes=2, gpus=6, model=[H100] * 6 + ["NVIDIA A100-SXM4-80GB"] * 6)
    clocks = " ".join(["1980"] * 6 + ["1410"] * 6)
    window = window_of(fleet, application_sm_clock_megahertz=clocks)
    assert marks(judge(ClockSetting, window)) == "............"


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        ("0 0 0 0 0 0 0 0x2", ".......F"),
        ("2 2 2 2 2 2 2 2", "........"),
        ("2 2 2 2 2 2 2 0", ".......F"),
        ("2 2 2 2 2 2 2 0x10", ".......F"),
        # idle, capped or throttled: the bit may be hidden
        ("2 2 2 2 2 2 2 1", "........"),
        ("2 2 2 2 2 2 2 4", "........"),
        ("2 2 2 2 2 2 2 0x40", "........"),
        ("2 2 2 2 2 2 2 0x400", "........"),
        ("4 4 4 4 4 4 4 2", "........"),
        ("0 0 0 0 0 0 _ 2", "......?F"),
        ("0 0 0 0 _ _ _ 2", "....???."),
    ],
)
def test_the_bit_is_compared_where_it_would_show(reasons: str, told: str) -> None:
    assert _marks(throttle_reasons=reasons) == told


@pytest.mark.parametrize("bits", ["1", "4", "8", "0x10", "0x20", "0x40", "0x100"])
def test_other_bits_never_fire(bits: str) -> None:
    assert _marks(throttle_reasons=f"0 0 0 0 0 0 0 {bits}") == "........"


def test_nothing_known() -> None:
    assert _marks(max_sm_clock_megahertz=1980) == "????????"


def test_a_change_is_noted_for_an_hour_and_then_normal() -> None:
    clocks = ["1980", "1980", "1410", "1410", "1410", "1410"]
    window = window_of(
        fleet_of(), step_seconds=1200, application_sm_clock_megahertz=clocks
    )
    assert story(ClockSetting, window) == [".", ".", "F", "F", "F", "."]


def test_a_change_that_is_taken_back_ends() -> None:
    clocks = ["1980", "1410", "1980", "1410"]
    window = window_of(fleet_of(), application_sm_clock_megahertz=clocks)
    assert story(ClockSetting, window) == [".", "F", ".", "F"]


def test_a_gap_keeps_the_memory() -> None:
    clocks = ["1980", "_", "1410", "_", "1410"]
    window = window_of(fleet_of(), at=1000, application_sm_clock_megahertz=clocks)
    assert story(ClockSetting, window) == [".", "?", "F", "?", "F"]


def test_a_change_is_dated_from_its_first_reading() -> None:
    fleet = fleet_of()
    times_and_clocks = [
        (1000, "1980"),
        (1015, "1410"),
        (1030, "_"),
        (1045, "1410"),
    ]
    windows = [
        window_of(fleet, at=at, application_sm_clock_megahertz=clock)
        for at, clock in times_and_clocks
    ]
    since = in_turn(ClockSetting, windows)[-1].since
    assert since is not None
    assert since.tolist() == [1015]


def test_a_whole_fleet_changed_at_once_is_one_note() -> None:
    window = window_of(
        fleet_of(nodes=2, gpus=8),
        application_sm_clock_megahertz="1410",
        kept={"baseline_megahertz": " ".join(["1980"] * 16)},
    )
    rule = ClockSetting.configured({})
    verdicts = judge(rule, window)
    assert marks(verdicts) == "F..............."
    words = rule.explain(finding(rule, verdicts, window))
    assert words.summary == "Clock setting changed on 16 GPUs"


def test_half_of_a_fleet_is_told_one_by_one() -> None:
    window = window_of(
        fleet_of(gpus=4),
        application_sm_clock_megahertz="1410 1410 1980 1980",
        kept={"baseline_megahertz": "1980 1980 1980 1980"},
    )
    assert marks(judge(ClockSetting, window)) == "FF.."


def test_who_was_left_behind_is_the_odd_one() -> None:
    window = window_of(
        fleet_of(gpus=8),
        application_sm_clock_megahertz="1410 1410 1410 1410 1410 1410 1410 1980",
        kept={"baseline_megahertz": " ".join(["1980"] * 8)},
    )
    assert marks(judge(ClockSetting, window)) == "F......F"


def test_new_gpus_have_no_past() -> None:
    window = window_of(
        fleet_of(gpus=2),
        application_sm_clock_megahertz="1980 1410",
        kept={"baseline_megahertz": "1980"},
    )
    assert marks(judge(ClockSetting, window)) == ".."


def test_it_is_information() -> None:
    clocks = "1980 1980 1980 1980 1980 1980 1980 1410"
    window = window_of(fleet_of(gpus=8), application_sm_clock_megahertz=clocks)
    assert levels(ClockSetting, judge(ClockSetting, window)) == ".......I"


@pytest.mark.parametrize(
    ("metrics", "summary"),
    [
        (
            {CLOCK: "1980 1980 1980 1980 1980 1980 1410"},
            "SM clock set to 1410 MHz, normally 1980",
        ),
        ({"throttle_reasons": "0 0 0 0 0 0 2"}, "Clock limit differs from its peers"),
    ],
)
def test_words(metrics: dict[str, Written], summary: str) -> None:
    rule = ClockSetting.configured({})
    window = window_of(fleet_of(gpus=7), metrics)
    words = rule.explain(finding(rule, judge(rule, window), window, 6))
    assert words.summary == summary
    assert "nvidia-smi -rgc" in words.action
