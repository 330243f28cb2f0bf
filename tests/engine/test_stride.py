"""When a job may be scored; readings are 15 s apart, and so is the exporter's pace."""

import numpy as np
import pytest

from gpuwatch.engine.past import Past
from gpuwatch.engine.stride import recent
from tests.engine.rides import AFTER, IDLE, LOW, SAVING, Ride, at_its_stride
from tests.rules.builders import AT, Written, fleet_of, window_of
from tests.rules.crews import first, several


def test_the_stride_is_known_after_two_minutes() -> None:
    assert Ride().on(12) == "-" * 9 + "OOO"


def test_a_start_is_not_taken_for_the_stride() -> None:
    ride = Ride()
    assert ride.on(4, IDLE, groups="_") == "    "
    # the first minute is its ramp, then two minutes
    assert ride.on(14) == "-" * 12 + "OO"


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_a_checkpoint_closes_the_gate_until_the_grace_is_over(steps: int) -> None:
    ride = at_its_stride()
    assert ride.on(steps, SAVING) == "x" * steps
    assert ride.on(6) == AFTER + "O"


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
