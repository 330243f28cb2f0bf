"""What is remembered of a job: how fast it is learned, and what forgets it."""

import pytest

from gpuwatch.engine.stride import hash_of
from tests.engine.rides import AFTER, IDLE, LOW, SAVING, Ride, at_its_stride
from tests.rules.builders import Written
from tests.rules.crews import first


def test_the_ramp_of_a_start_is_forgotten_within_minutes() -> None:
    ride = Ride()
    ride.on(4, IDLE, groups="_")
    ride.on(4, power_watts="300", tensor_active_ratio="0.1")
    ride.on(20)
    stride = ride.read({})
    assert stride.kept_watts.tolist() == [pytest.approx(600.0, rel=0.01)] * 8


def test_a_checkpoint_is_not_learned() -> None:
    ride = at_its_stride()
    ride.on(8, SAVING)
    ride.on(6)
    stride = ride.read({})
    assert stride.work.tolist() == [pytest.approx(1.0)]
    assert stride.kept_watts.tolist() == [pytest.approx(600.0)] * 8


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


def test_a_job_has_one_number_everywhere() -> None:
    assert hash_of("4211") == hash_of("4211") != hash_of("4212")
    assert hash_of("n\udcffde") > 0
