"""Row 0 of three nodes of eight, whose usual power is 1000 W each."""

import pytest

from gpuwatch.model.window import Window
from gpuwatch.rules.busy_straggler import BusyStraggler
from tests.rules.builders import (
    Written,
    finding,
    fleet_of,
    judge,
    levels,
    marks,
    window_of,
)
from tests.rules.crews import crewed, first, several

ROWS = 24
SILENT = "." * ROWS
ONE = "F" + "." * (ROWS - 1)


def job(
    watts: str,
    *,
    clock: str = "2000",
    usual_clock: str = "2000",
    usual_watts: str = "1000",
    groups: str = "0",
    settled: str = "1",
    steady: str = "1",
    together: str = "1",
    calm: str = "1",
    pace: str = "0.8",
    names: str = "",
    written: dict[str, Written] | None = None,
) -> Window:
    """All at full utilisation; `watts` are means of late."""
    usual: dict[str, Written] = {
        "utilization_percent": "100",
        "power_watts": "650",
        "sm_clock_megahertz": clock,
    }
    return crewed(
        window_of(fleet_of(nodes=3, gpus=8), {**usual, **(written or {})}),
        groups,
        settled=settled,
        steady=steady,
        together=together,
        calm=calm,
        pace=pace,
        names=names,
        kept_watts=usual_watts,
        kept_megahertz=usual_clock,
        recent_watts=watts,
    )


def told(window: Window) -> str:
    return marks(judge(BusyStraggler, window))


@pytest.mark.parametrize(
    ("own", "peers", "expected"),
    [
        # at least half of what the others lost must be kept
        ("901", "800", ONE),
        ("899", "800", SILENT),
        ("1000", "700", ONE),
        ("849", "700", SILENT),
        # and five of the least spreads, 5 %
        ("951", "900", ONE),
        ("949", "900", SILENT),
        ("991", "940", ONE),
        ("989", "940", SILENT),
        # the others must have lost 5 %
        ("1010", "949", ONE),
        ("1010", "951", SILENT),
        # it may even draw more than usual
        ("1100", "900", ONE),
        # all alike, all up, and one that fell alone
        ("800", "800", SILENT),
        ("1200", "1000", SILENT),
        ("700", "1000", SILENT),
    ],
)
def test_who_keeps_its_power(own: str, peers: str, expected: str) -> None:
    assert told(job(first(own, peers, ROWS))) == expected


@pytest.mark.parametrize(
    ("pace", "expected"),
    [("0.969", ONE), ("0.971", SILENT), ("1", SILENT), ("_", SILENT)],
)
def test_the_job_must_have_lost_pace_too(pace: str, expected: str) -> None:
    assert told(job(first("1000", "900", ROWS), pace=pace)) == expected


def test_restless_peers_must_be_outdone_by_five_spreads() -> None:
    restless = several((12, "830"), (11, "770"))
    assert told(job(f"1000 {restless}")) == SILENT
    assert told(job(f"1060 {restless}")) == ONE


@pytest.mark.parametrize(
    ("clock", "usual", "expected"),
    [
        ("1921", "2000", ONE),
        ("1919", "2000", SILENT),
        # its own usual clock counts, not that of others
        ("1700", "1700", ONE),
        ("2000", "_", ONE),
    ],
)
def test_only_at_its_usual_clock(clock: str, usual: str, expected: str) -> None:
    window = job(
        first("1000", "800", ROWS),
        clock=first(clock, "2000", ROWS),
        usual_clock=first(usual, "2000", ROWS),
    )
    assert told(window) == expected


@pytest.mark.parametrize(
    ("own", "siblings", "at_work", "expected"),
    [
        # 11 % above the job and 8 % above its node, or 12 % above both
        ("910", "830", 4, "...."),
        ("920", "810", 4, "F..."),
        # three at work are too few to compare with: the job alone decides
        ("910", "830", 3, "F..?"),
    ],
)
def test_it_must_stand_out_of_its_node(
    own: str, siblings: str, at_work: int, expected: str
) -> None:
    rest = 8 - at_work
    power = several((at_work, "650"), (rest, "_"), (16, "650"))
    busy = several((at_work, "100"), (rest, "_"), (16, "100"))
    watts = f"{own} {several((at_work - 1, siblings), (rest, '_'), (16, '800'))}"
    window = job(watts, written={"power_watts": power, "utilization_percent": busy})
    assert told(window) == f"{expected}????{'.' * 16}"


@pytest.mark.parametrize(
    ("culprits", "expected"),
    [
        ((0, 8), "F.......F..............."),
        # three on three nodes are too many for 24
        ((0, 8, 16), SILENT),
    ],
)
def test_two_may_be_late_at_once(culprits: tuple[int, ...], expected: str) -> None:
    watts = " ".join("1000" if n in culprits else "800" for n in range(ROWS))
    assert told(job(watts)) == expected


@pytest.mark.parametrize(("culprits", "fires"), [(4, 4), (5, 0)])
def test_or_one_in_fifty(culprits: int, fires: int) -> None:
    watts = " ".join(
        "1000" if n % 8 == 0 and n < 8 * culprits else "800" for n in range(200)
    )
    window = crewed(
        window_of(
            fleet_of(nodes=25, gpus=8),
            utilization_percent="100",
            power_watts="650",
            sm_clock_megahertz="2000",
        ),
        pace="0.8",
        kept_watts="1000",
        recent_watts=watts,
    )
    assert told(window).count("F") == fires


def test_a_node_that_keeps_its_power_has_other_work() -> None:
    assert told(job(several((8, "1000"), (16, "800")))) == SILENT


CULPRIT = first("1000", "800", ROWS)


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(job(CULPRIT, settled="0", steady="0"), id="gate closed"),
        pytest.param(job(CULPRIT, together="0"), id="inference"),
        pytest.param(job(CULPRIT, calm=first("0", "1", ROWS)), id="wanders off"),
        pytest.param(
            job(CULPRIT, groups=several((5, "0"), (19, "1"))), id="five peers"
        ),
        pytest.param(job(CULPRIT, groups=first("_", "0", ROWS)), id="alone"),
        pytest.param(
            job(CULPRIT, usual_watts=first("_", "1000", ROWS)), id="no stride yet"
        ),
        pytest.param(
            job(CULPRIT, usual_watts=first("0", "1000", ROWS)), id="no usual power"
        ),
        pytest.param(job(first("_", "800", ROWS)), id="no power"),
        pytest.param(
            job(CULPRIT, clock=first("_", "2000", ROWS)), id="no clock to judge by"
        ),
        pytest.param(
            job(
                CULPRIT,
                written={
                    "utilization_percent": first("10", "100", ROWS),
                    "power_watts": first("80", "650", ROWS),
                },
            ),
            id="idle",
        ),
    ],
)
def test_unknown(window: Window) -> None:
    assert told(window)[0] == "?"
    assert "F" not in told(window)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        # single samples are noise: five times 1.2 %
        ("961", ONE),
        ("959", SILENT),
    ],
)
def test_a_single_sample_of_a_known_job_tells_before_the_means_do(
    own: str, expected: str
) -> None:
    now: dict[str, Written] = {"power_watts": first(own, "900", ROWS)}
    assert told(job("1000", usual_watts="1000", written=now)) == expected
    fresh = job("1000", settled="0", written=now)
    assert told(fresh) == expected


def test_a_guessed_job_is_judged_by_means_alone() -> None:
    now: dict[str, Written] = {"power_watts": first("1000", "900", ROWS)}
    guessed = job("1000", names="(inferred) node-01", written=now)
    assert told(guessed) == SILENT


def test_unknown_without_a_crew() -> None:
    window = window_of(fleet_of(gpus=8), power_watts="650", sm_clock_megahertz="2000")
    assert told(window) == "????????"


@pytest.mark.parametrize(("pace", "level"), [("0.9", "C"), ("0.901", "W")])
def test_severity(pace: str, level: str) -> None:
    verdicts = judge(BusyStraggler, job(CULPRIT, pace=pace))
    assert levels(BusyStraggler, verdicts)[0] == level


def test_own_threshold_and_severity() -> None:
    rule = BusyStraggler.configured({"fallen_percent": 25, "severity": "warning"})
    assert marks(judge(rule, job(CULPRIT))) == SILENT
    deeper = job(first("1000", "700", ROWS), pace="0.7")
    assert levels(rule, judge(rule, deeper))[0] == "W"


def test_words() -> None:
    window = job(CULPRIT)
    found = finding(BusyStraggler, judge(BusyStraggler, window), window)
    assert BusyStraggler.configured({}).explain(found).summary == (
        "Late at full clock: its peers wait, 20 % less power"
    )
    assert found.value("power_kept_percent") == 100.0
