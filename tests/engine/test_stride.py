"""When a job may be scored; readings are 15 s apart, and so is the exporter's pace."""

import numpy as np
import pytest

from gpuwatch.engine.past import Past
from gpuwatch.engine.stride import hash_of, recent
from tests.engine.rides import IDLE, LOW, SAVING, Ride, at_its_stride
from tests.rules.builders import AT, Written, fleet_of, window_of
from tests.rules.crews import first, several

# What follows a dip: 20 s and a collect interval closed, 45 s until means are clean.
AFTER = "xxxoO"


def test_the_stride_is_known_after_two_minutes() -> None:
    assert Ride().on(12) == "-" * 9 + "OOO"


def test_a_start_is_not_taken_for_the_stride() -> None:
    ride = Ride()
    assert ride.on(4, IDLE, groups="_") == "    "
    # the first minute is its ramp, then two minutes
    assert ride.on(14) == "-" * 12 + "OO"


def test_the_ramp_of_a_start_is_forgotten_within_minutes() -> None:
    ride = Ride()
    ride.on(4, IDLE, groups="_")
    ride.on(4, power_watts="300", tensor_active_ratio="0.1")
    ride.on(20)
    stride = ride.read({})
    assert stride.kept_watts.tolist() == [pytest.approx(600.0, rel=0.01)] * 8


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_a_checkpoint_closes_the_gate_until_the_grace_is_over(steps: int) -> None:
    ride = at_its_stride()
    assert ride.on(steps, SAVING) == "x" * steps
    assert ride.on(6) == AFTER + "O"


def test_a_checkpoint_is_not_learned() -> None:
    ride = at_its_stride()
    ride.on(8, SAVING)
    ride.on(6)
    stride = ride.read({})
    assert stride.work.tolist() == [pytest.approx(1.0)]
    assert stride.kept_watts.tolist() == [pytest.approx(600.0)] * 8


@pytest.mark.parametrize(
    ("power", "tensor", "told"),
    [
        # 60 % of the stride, by power or by work, while power fell below 80 %
        ("365", "0.245", "O"),
        ("355", "0.4", "x"),
        ("475", "0.235", "x"),
        ("475", "0.245", "O"),
        ("485", "0.1", "O"),
    ],
)
def test_what_a_dip_is(power: str, tensor: str, told: str) -> None:
    ride = at_its_stride()
    assert ride.on(1, power_watts=power, tensor_active_ratio=tensor) == told


@pytest.mark.parametrize(("power", "told"), [("365", "O"), ("355", "x")])
def test_without_tensor_activity_power_alone_decides(power: str, told: str) -> None:
    ride = Ride()
    ride.on(40, tensor_active_ratio="_")
    assert ride.on(1, tensor_active_ratio="_", power_watts=power) == told


def test_what_lasts_longer_than_five_minutes_is_no_checkpoint() -> None:
    ride = at_its_stride()
    assert ride.on(22, LOW) == "x" * 20 + "OO"


def test_the_end_of_a_long_dip_is_one_too() -> None:
    ride = at_its_stride()
    ride.on(30, LOW)
    assert ride.on(5) == AFTER


@pytest.mark.parametrize(
    ("fallen", "told"),
    [
        # 95 % fell: a dip, but with somebody who did not two minutes must do
        (19, "x" * 8 + "OO"),
        (18, "O" * 10),
        (20, "x" * 10),
    ],
)
def test_when_one_does_not_fall(fallen: int, told: str) -> None:
    ride = at_its_stride(20)
    others = 20 - fallen
    power = several((fallen, "300"), (others, "600"))
    assert ride.on(10, power_watts=power, tensor_active_ratio="0.2") == told


def test_who_has_no_reading_is_not_somebody_who_did_not_fall() -> None:
    ride = at_its_stride(20)
    power = several((15, "300"), (5, "_"))
    assert ride.on(10, power_watts=power, tensor_active_ratio="0.2") == "x" * 10


@pytest.mark.parametrize(
    ("bits", "told"),
    [
        ("0x8", "o"),
        ("0x20", "o"),
        ("0x40", "o"),
        ("0x80", "o"),
        ("0x4", "x"),
        ("0x1", "x"),
        ("0x2", "x"),
        ("_", "x"),
    ],
)
def test_a_hardware_bit_keeps_the_gate_open_for_clocks_only(
    bits: str, told: str
) -> None:
    ride = at_its_stride()
    assert ride.on(3, LOW, throttle_reasons=first(bits, "0x0", 8)) == told * 3


@pytest.mark.parametrize(
    ("clock", "told"),
    [("1759", "o"), ("1761", "x"), ("401", "o"), ("399", "x"), ("_", "x")],
)
def test_a_clear_clock_deficit_does_so_too(clock: str, told: str) -> None:
    ride = at_its_stride()
    assert ride.on(3, LOW, sm_clock_megahertz=first(clock, "2000", 8)) == told * 3


def test_a_low_clock_of_one_that_idles_proves_nothing() -> None:
    ride = at_its_stride()
    told = ride.on(
        3,
        tensor_active_ratio="0.2",
        utilization_percent=first("25", "100", 8),
        power_watts=first("180", "300", 8),
        sm_clock_megahertz=first("1000", "2000", 8),
    )
    assert told == "xxx"


def test_a_bit_opens_no_gate_before_the_stride_is_known() -> None:
    assert Ride().on(5, throttle_reasons="0x40") == "-----"


def test_another_job_is_another_stride() -> None:
    ride = at_its_stride()
    ride.job = "4212"
    assert ride.on(9) == "-" * 8 + "O"


@pytest.mark.parametrize(("steps", "told"), [(16, "x" * 16), (17, "x" * 16 + "-")])
def test_four_idle_minutes_end_the_stride(steps: int, told: str) -> None:
    ride = at_its_stride()
    assert ride.on(steps, IDLE) == told


@pytest.mark.parametrize(("steps", "told"), [(15, "x"), (16, "-")])
def test_also_of_a_job_that_was_only_guessed(steps: int, told: str) -> None:
    # whoever idles without a label is alone, and comes back perhaps for another job
    ride = at_its_stride(job="(inferred) n0")
    ride.on(steps, IDLE, groups="_")
    assert ride.on(1) == told


def test_guessed_jobs_share_one_memory_whatever_their_name() -> None:
    ride = at_its_stride(job="(inferred) n0")
    ride.job = "(inferred) n5"
    assert ride.on(1) == "O"


def test_a_scrape_gap_keeps_the_stride_however_long() -> None:
    ride = at_its_stride()
    blind: dict[str, Written] = {
        "utilization_percent": "_",
        "power_watts": "_",
        "sample_age_seconds": "_",
    }
    assert ride.on(40, blind, groups="_") == " " * 40
    assert ride.on(5) == AFTER


def test_who_works_alone_for_a_while_keeps_the_stride() -> None:
    ride = at_its_stride()
    assert ride.on(40, groups="_") == " " * 40
    assert ride.on(5) == AFTER


def test_one_that_comes_back_does_not_close_the_gate_of_the_others() -> None:
    ride = at_its_stride()
    assert ride.on(4, groups=first("_", "0", 8)) == "OOOO"
    assert ride.on(4) == "OOOO"


def test_who_joins_is_taken_up_and_the_others_stay() -> None:
    ride = at_its_stride()
    ride.rows = 10
    assert ride.on(12) == "O" * 12
    stride = ride.read({})
    assert stride.kept_watts.tolist() == [pytest.approx(600.0)] * 10


def test_groups_have_their_own_gates() -> None:
    ride, halves = Ride(16), several((8, "0"), (8, "1"))
    for _ in range(40):
        ride.read({}, halves)
    power = several((8, "300"), (8, "600"))
    tensor = several((8, "0.2"), (8, "0.4"))
    stride = ride.read({"power_watts": power, "tensor_active_ratio": tensor}, halves)
    assert stride.steady.tolist() == [False, True]
    assert stride.dipped_seconds.tolist() == [0.0, 0.0]


def test_how_long_a_dip_has_lasted() -> None:
    ride = at_its_stride()
    lasted = [float(ride.read(LOW).dipped_seconds[0]) for _ in range(4)]
    assert lasted == [0.0, 15.0, 30.0, 45.0]
    assert ride.read({}).dipped_seconds.tolist() == [0.0]


@pytest.mark.parametrize("after", [2, 5, 40, 41, 44, 60])
def test_a_restart_changes_nothing(after: int) -> None:
    """In the start, at the stride, in a dip and just out of it."""

    def lived(ride: Ride, steps: int) -> str:
        return "".join(
            ride.on(1, LOW if 40 <= ride.step < 43 else {}) for _ in range(steps)
        )

    whole, broken = Ride(), Ride()
    told = lived(whole, 70)
    begun = lived(broken, after)
    assert begun + lived(broken.restarted(), 70 - after) == told


def test_a_slow_job_does_not_become_the_norm() -> None:
    ride = at_its_stride()
    ride.on(240, tensor_active_ratio="0.36")
    assert ride.read({"tensor_active_ratio": "0.36"}).work[0] == pytest.approx(
        0.9, abs=0.003
    )


def test_a_small_decline_is_learned_slowly() -> None:
    ride = at_its_stride()
    ride.on(80, tensor_active_ratio="0.38")
    work = float(ride.read({"tensor_active_ratio": "0.38"}).work[0])
    # 1 - exp(-1) of it in twenty minutes
    assert work == pytest.approx(0.981, abs=0.002)


def test_a_rise_is_learned_within_minutes() -> None:
    ride = at_its_stride()
    ride.on(4, tensor_active_ratio="0.44")
    quick = float(ride.read({"tensor_active_ratio": "0.44"}).work[0])
    assert 1.05 < quick < 1.1
    ride.on(24, tensor_active_ratio="0.44")
    assert ride.read({"tensor_active_ratio": "0.44"}).work[0] == pytest.approx(
        1.0, abs=0.01
    )


def test_the_median_gpu_tells_the_pace() -> None:
    ride = at_its_stride()
    ride.on(4, tensor_active_ratio=first("0.1", "0.4", 8))
    told = ride.read({"tensor_active_ratio": first("0.1", "0.4", 8)})
    assert told.work.tolist() == [pytest.approx(1.0)]


def test_work_is_activity_times_clock() -> None:
    # 10 % less clock at 10 % more activity is 99 % of the work
    ride = at_its_stride()
    slower: dict[str, Written] = {
        "sm_clock_megahertz": "1800",
        "tensor_active_ratio": "0.44",
    }
    ride.on(4, slower)
    assert ride.read(slower).work.tolist() == [pytest.approx(0.99, abs=0.001)]


def wandering(share: float) -> Ride:
    """Ten minutes of GPUs that go up and down by themselves, each at its own time."""
    ride = Ride()
    for step in range(60):
        watts = [600 * (1 + share * (-1) ** ((step + row) // 4)) for row in range(8)]
        ride.read({"power_watts": " ".join(map(str, watts))})
    return ride


@pytest.mark.parametrize(("share", "together"), [(0.02, True), (0.10, False)])
def test_inference_does_not_run_together(share: float, *, together: bool) -> None:
    stride = wandering(share).read({})
    assert stride.together.tolist() == [together]


def test_one_that_wanders_off_a_steady_job_is_not_calm() -> None:
    ride = Ride()
    for step in range(60):
        own = "600" if step // 4 % 2 else "400"
        ride.read({"power_watts": first(own, "600", 8)})
    stride = ride.read({})
    assert stride.together.tolist() == [True]
    assert stride.calm.tolist() == [False] + [True] * 7


def test_a_job_whose_gpus_wax_and_wane_as_one_runs_together() -> None:
    ride = Ride()
    for step in range(60):
        ride.read({"power_watts": "600" if step // 4 % 2 else "480"})
    assert ride.read({}).together.tolist() == [True]


def test_one_sample_of_a_metric_is_noise() -> None:
    past = Past({"power_watts": 60.0})
    for step, watts in enumerate(("1000 600", "400 600", "600 _", "800 600", "600 _")):
        now = window_of(fleet_of(gpus=2), at=AT + 15 * step, power_watts=watts).now
        past.add(now)
    # the last 45 s; who has no reading now has no mean
    mean = recent(past, now, "power_watts")
    assert mean[0] == 600.0
    assert np.isnan(mean[1])


def test_a_job_has_one_number_everywhere() -> None:
    assert hash_of("4211") == hash_of("4211") != hash_of("4212")
    assert hash_of("n\udcffde") > 0
