import pytest

from gpuwatch.model.identity import Subject
from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Finding
from gpuwatch.rules.clock_drop import ClockDrop
from tests.rules.builders import fleet_of, judge, marks, window_of
from tests.rules.crews import crewed


@pytest.mark.parametrize(
    ("clock", "reasons", "watts", "mark"),
    [
        ("1583", "0", "600", "F"),  # 20 % below 1980
        ("1590", "0", "600", "."),
        ("1400", "0x4", "690", "."),  # the power cap explains it
        ("1400", "0x2", "600", "F"),
        ("1400", "_", "540", "F"),  # nobody tells why, but it draws less too
        ("1400", "_", "550", "."),
        ("_", "0", "600", "?"),
    ],
)
def test_one_lonely_gpu(clock: str, reasons: str, watts: str, mark: str) -> None:
    window = crewed(
        window_of(
            fleet_of(),
            sm_clock_megahertz=clock,
            throttle_reasons=reasons,
            power_watts=watts,
            utilization_percent=100,
        ),
        kept_megahertz="1980",
        kept_watts="600",
    )
    assert marks(judge(ClockDrop, window)) == mark


def test_six_gpus_have_peers_and_are_judged_by_another_rule() -> None:
    for gpus, mark in ((5, "F...."), (6, "??????")):
        window = crewed(
            window_of(
                fleet_of(gpus=gpus),
                sm_clock_megahertz=" ".join(["1200"] + ["1980"] * (gpus - 1)),
                throttle_reasons="0",
                utilization_percent=100,
            ),
            kept_megahertz="1980",
        )
        assert marks(judge(ClockDrop, window)) == mark


def test_idle_or_unsteady_or_unknown() -> None:
    fleet = fleet_of()
    idle = window_of(
        fleet, sm_clock_megahertz=345, throttle_reasons="0x1", utilization_percent=0,
        power_watts=70,
    )  # fmt: skip
    assert marks(judge(ClockDrop, crewed(idle, kept_megahertz="1980"))) == "?"
    slow = window_of(
        fleet, sm_clock_megahertz=1200, throttle_reasons="0", utilization_percent=100
    )
    gate = crewed(slow, steady="0", kept_megahertz="1980")
    assert marks(judge(ClockDrop, gate)) == "?"
    assert marks(judge(ClockDrop, crewed(slow))) == "?"
    assert marks(judge(ClockDrop, slow)) == "?"


def test_words() -> None:
    evidence = {"sm_clock_megahertz": 1200.0, "clock_lost_percent": 39.4}
    found = Finding(Subject("train", "n0", "GPU-0-0"), Severity.WARNING, evidence)
    words = ClockDrop.configured({}).explain(found)
    assert words.summary == "SM clock 1200 MHz, 39 % below its own usual"
