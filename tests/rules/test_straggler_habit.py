"""What a GPU's clock usually is beside its peers: how that is learned, and when not."""

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.straggler import Straggler
from tests.rules.builders import AT, fleet_of, in_turn, judge, marks, window_of
from tests.rules.clocks import CAPPED, ROWS, eight, kept
from tests.rules.crews import crewed, first


@pytest.mark.parametrize(
    ("window", "learned"),
    [
        pytest.param(crewed(eight("1921")), 15.0, id="less than half the limit"),
        pytest.param(crewed(eight("1919")), 0.0, id="half the limit"),
        pytest.param(crewed(eight("1700")), 0.0, id="suspect"),
        pytest.param(crewed(eight("1990"), steady="0"), 0.0, id="gate closed"),
        pytest.param(crewed(eight("1990", bits="0x20")), 0.0, id="heat"),
        pytest.param(crewed(eight("1990", bits="0x8")), 0.0, id="hardware slowdown"),
        pytest.param(crewed(eight("1990", bits="0x4")), 15.0, id="power cap"),
        pytest.param(crewed(eight("1990"), pace="0.94"), 0.0, id="slow job"),
        pytest.param(crewed(eight("1990"), pace="0.95"), 15.0, id="job as usual"),
        pytest.param(crewed(eight("1990"), pace="_"), 15.0, id="pace not known"),
        pytest.param(crewed(eight("_")), 0.0, id="absent"),
    ],
)
def test_when_the_habit_is_learned(window: Window, learned: float) -> None:
    before = first(str(AT - 15), str(AT - 15), ROWS)
    keep = judge(Straggler, kept(window, at=before)).keep
    assert keep["clock_seconds"][0] == 120.0 + learned
    assert (keep["clock_offset"][0] != 0) == (learned > 0)


def test_the_habit_is_beside_the_peers_of_this_moment() -> None:
    # they clock higher than at the stride, and so does this one
    window = kept(eight("2000"), at=first(str(AT - 15), str(AT - 15), ROWS))
    keep = judge(Straggler, crewed(window, kept_megahertz="1900")).keep
    assert keep["clock_seconds"][0] == 135.0
    assert keep["clock_offset"][0] == 0.0


def at_times(clocks: list[str], step_seconds: float = 15.0) -> list[Window]:
    """Row 0 under a power cap, reading by reading; nothing is kept at first."""
    return [
        crewed(
            window_of(
                fleet_of(gpus=ROWS),
                sm_clock_megahertz=first(clock, "2000", ROWS),
                utilization_percent="100",
                throttle_reasons=CAPPED,
                at=AT + step_seconds * step,
            )
        )
        for step, clock in enumerate(clocks)
    ]


def told(clocks: list[str], step_seconds: float = 15.0) -> str:
    verdicts = in_turn(Straggler, at_times(clocks, step_seconds))
    return "".join(marks(v)[0] for v in verdicts)


def test_slow_silicon_is_learned_and_a_fault_on_top_is_seen() -> None:
    # 5 % below for two and a half minutes, then 10 % and then 16 % below
    clocks = ["1900"] * 11 + ["1800"] * 2 + ["1680"] * 2
    assert told(clocks) == "." * 13 + "FF"


def test_a_fault_from_the_first_look_on_is_never_learned() -> None:
    assert told(["1690"] * 60, 60.0) == "F" * 60


def test_a_drift_is_learned_no_further_than_the_bound() -> None:
    # half a percent every six minutes, to 16.5 % below: the habit stops at 6 %
    clocks = [f"{2000 - 10 * (step // 4)}" for step in range(136)]
    verdicts = in_turn(Straggler, at_times(clocks, 90.0))
    assert marks(verdicts[-1])[0] == "F"
    assert min(v.keep["clock_offset"][0] for v in verdicts) >= -0.06


def test_one_stray_sample_moves_the_habit_by_a_tenth_of_a_percent_at_most() -> None:
    clocks = ["2000"] * 41 + ["1910"] + ["2000"]
    verdicts = in_turn(Straggler, at_times(clocks))
    offsets = [float(v.keep["clock_offset"][0]) for v in verdicts]
    assert offsets[40] == 0.0
    assert offsets[41] == pytest.approx(-0.03 * 15 / 600)


def test_flapping_at_the_threshold_is_one_finding() -> None:
    clocks = ["2000"] * 11 + ["1790", "1810", "1790", "1810", "1870"]
    assert told(clocks) == "." * 11 + "FFFF."
