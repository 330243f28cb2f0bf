"""Stories of one job's tokens/s, a reading every 15 seconds.

`100*40 0*8` is ten minutes at 100 and two at nothing; `_` = the metric is absent. Of
the GPUs `.` works as usual, `d` is in a dip of all, `s` only starts.
"""

from dataclasses import replace

import numpy as np
import pytest

from gpuwatch.model.company import Company
from gpuwatch.model.identity import Subject
from gpuwatch.model.job_record import WIDTH, packed, unpacked
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Column
from gpuwatch.model.stride import Stride
from gpuwatch.model.verdict import Finding, Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.throughput_drop import ThroughputDrop
from tests.rules.builders import AT, fleet_of, judge, window_of

JOB = Subject("train", job="7")
RULE = ThroughputDrop.configured({})
LEARNED = "100*40 "


def words(text: str) -> list[str]:
    """`100*3 _` as its readings."""
    found = []
    for word in text.split():
        value, _, times = word.partition("*")
        found += [value] * int(times or 1)
    return found


def window(
    at: float, values: dict[str, float], gpus: str = ".", jobs: str = "7 7 7 7"
) -> Window:
    made = window_of(fleet_of(nodes=2, gpus=2), at=at, jobs=jobs)
    now = replace(made.now, throughput=values, throughput_unit="tokens/s")
    rows, steady = now.rows, np.array([gpus == "."])
    stride = Stride(
        reached=np.array([gpus != "s"]),
        steady=steady,
        settled=steady,
        together=np.ones(1, bool),
        calm=np.ones(rows, bool),
        work=np.ones(1),
        dipped_seconds=np.array([60.0 if gpus == "d" else 0.0]),
        kept_watts=np.ones(rows),
        worked_seconds=np.ones(rows),
        kept_megahertz=np.ones(rows),
        recent_watts=np.ones(rows),
    )
    company = Company(np.zeros(rows, np.int64), ("7",), "slurm")
    return replace(made, now=now, company=company, stride=stride)


def told(
    text: str, gpus: str = "", rule: ThroughputDrop | None = None
) -> list[Verdicts]:
    """Verdicts at every reading; what is kept is given back."""
    values = words(text)
    states = words(gpus) or ["."] * len(values)
    kept: dict[str, Column] = {}
    found = []
    for step, (value, state) in enumerate(zip(values, states, strict=True)):
        shown = {} if value == "_" else {"7": float(value)}
        seen = window(AT + 15.0 * step, shown, state)
        found.append(judge(rule or RULE, replace(seen, kept=kept)))
        kept = kept | dict(found[-1].keep)
    return found


def mark(verdicts: Verdicts) -> str:
    if not verdicts.known.any():
        return "?"
    return "F" if verdicts.firing.any() else "."


def line(text: str, gpus: str = "") -> str:
    return "".join(map(mark, told(text, gpus)))


def runs(marks: str) -> str:
    """`FF..` as `F2 .2`."""
    found: list[tuple[str, int]] = []
    for one in marks:
        if found and found[-1][0] == one:
            found[-1] = (one, found[-1][1] + 1)
        else:
            found.append((one, 1))
    return " ".join(f"{one}{count}" for one, count in found)


def test_a_drop_is_told_after_five_minutes_and_ends_with_it() -> None:
    # ten samples 45 s apart: the tenth is the 28th reading
    assert runs(line(LEARNED + "88*30 100*4")) == "?27 .13 ?21 F9 .4"


def test_since_the_first_low_reading_with_all_that_it_cost() -> None:
    found = told(LEARNED + "62*41")[-1]
    assert found.subjects == (JOB,)
    assert found.since is not None
    assert found.since.tolist() == [AT + 15 * 40]
    evidence = {name: values.tolist()[0] for name, values in found.evidence.items()}
    assert evidence == {
        "throughput": 62.0,
        "expected_throughput": 100.0,
        "lost_percent": pytest.approx(38.0),
        # four GPUs, ten minutes, 38 %
        "lost_gpu_hours": pytest.approx(4 * 10 / 60 * 0.38),
        "job_gpus": 4.0,
    }
    assert found.words == ("tokens/s",)


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        pytest.param("100*160", "", id="steady"),
        pytest.param("98*40 102*40 97*40 103*40", "", id="noise and mid-day heat"),
        pytest.param(LEARNED + "91*60", "", id="nine percent"),
        pytest.param(LEARNED + "0*20 100*40", "", id="five minutes of pause"),
        pytest.param(LEARNED + "40*20 100*40", "", id="five minutes of evaluation"),
        pytest.param(
            LEARNED + "80*8 50*8 20*8 50*6 80*6 100*9",
            ".*40 d*20 .*25",
            id="a pause of five minutes in a rate over five minutes",
        ),
        pytest.param("100*40 " + "0*8 100*32 " * 4, "", id="a checkpoint every 10 min"),
        pytest.param("60*4 70*4 80*4 90*4 100*60", "", id="warm-up ramp"),
        pytest.param("10*20 100*60", "s*20 .*60", id="a slow start"),
        pytest.param("100*12 50*68", "", id="too little is known"),
        pytest.param(LEARNED + "_*60", "", id="absent"),
        pytest.param(LEARNED + "0*30 100*9", "", id="a restart of seven minutes"),
        pytest.param("100 84 112 95 " * 20 + "84*40", "", id="a job of uneven work"),
    ],
)
def test_stays_silent(text: str, gpus: str) -> None:
    assert "F" not in line(text, gpus)


@pytest.mark.parametrize(
    ("text", "gpus", "firing"),
    [
        pytest.param(LEARNED + "88*30", "", 9, id="twelve percent"),
        pytest.param(LEARNED + "0*60", "", 19, id="stalled"),
        pytest.param(LEARNED + "70*60", ".*40 d*60", 19, id="after a stop of all"),
        pytest.param(LEARNED + "88*10 93 88*29", "", 19, id="one lucky reading"),
        pytest.param(
            "100*40 0*8 100*40 88*30", ".*40 d*8 .*70", 9, id="an older checkpoint"
        ),
        pytest.param(LEARNED + "88*15 _*8 88*15", "", 15, id="a gap in between"),
    ],
)
def test_fires(text: str, gpus: str, firing: int) -> None:
    assert line(text, gpus).count("F") == firing


def test_absent_is_unknown_and_not_over() -> None:
    assert runs(line(LEARNED + "88*25 _*10 88*4")).endswith(" F4 ?10 F4")


def test_a_long_fault_does_not_become_the_norm() -> None:
    assert line(LEARNED + "80*400").endswith("F" * 379)


def test_the_past_is_the_last_half_hour() -> None:
    """A job that was made faster is judged by its new pace."""
    found = told("100*120 200*120 150*30")[-1]
    assert found.evidence["expected_throughput"].tolist() == [200.0]
    assert found.firing.all()


def test_a_restart_of_gpuwatch_forgets_nothing() -> None:
    """The column goes through the store as float64 and comes back."""
    found = told(LEARNED + "88*10")[-1]
    column = np.frombuffer(found.keep["jobs"].tobytes())
    assert len(column) == WIDTH
    seen = replace(window(AT + 15 * 61, {"7": 88.0}), kept={"jobs": column})
    after = judge(RULE, seen)
    assert after.firing.all()
    assert after.since is not None
    assert after.since.tolist() == [AT + 15 * 40]


def test_a_broken_column_is_no_column() -> None:
    seen = replace(window(AT, {"7": 1.0}), kept={"jobs": np.ones(WIDTH + 1)})
    assert mark(judge(RULE, seen)) == "?"


def test_jobs_are_forgotten_after_a_day() -> None:
    column = told(LEARNED)[-1].keep["jobs"]
    last = AT + 15 * 39
    assert len(unpacked(column, last + 86_400)) == 1
    assert unpacked(column, last + 86_401) == {}
    assert packed(unpacked(column, last)).tobytes() == column.tobytes()


@pytest.mark.parametrize(
    ("drop", "text", "severity"),
    [
        (10, "88*30", Severity.CRITICAL),
        (5, "92*30", Severity.WARNING),
        (5, "89*30", Severity.CRITICAL),
    ],
)
def test_critical_from_ten_percent(drop: float, text: str, severity: Severity) -> None:
    rule = ThroughputDrop.configured({"drop_percent": drop})
    assert isinstance(rule, ThroughputDrop)
    found = told(LEARNED + text, rule=rule)[-1]
    assert found.firing.all()
    assert found.severity is not None
    assert found.severity.tolist() == [severity]


def test_two_jobs_have_two_memories() -> None:
    kept: dict[str, Column] = {}
    for step in range(70):
        values = {"7": 100.0, "8": 10.0 if step < 40 else 5.0}
        seen = window(AT + 15.0 * step, values, jobs="7 7 8 8")
        found = judge(RULE, replace(seen, kept=kept))
        kept |= found.keep
    assert found.subjects == (JOB, Subject("train", job="8"))
    assert found.firing.tolist() == [False, True]
    assert found.evidence["job_gpus"].tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    "values", [{}, {"no such job": 1.0, "7": 2.0}, {"stranger": 5.0}]
)
def test_whose_a_series_is(values: dict[str, float]) -> None:
    found = judge(RULE, window(AT, values))
    assert found.subjects == ((JOB,) if values else ())


@pytest.mark.parametrize(
    ("evidence", "summary"),
    [
        ({"throughput": 62.0, "lost_percent": 38.0}, "Job at 62 % of its throughput"),
        (
            {"throughput": 0.0, "lost_percent": 100.0},
            "Job stalled: its throughput is zero",
        ),
    ],
)
def test_words(evidence: dict[str, float], summary: str) -> None:
    finding = Finding(JOB, Severity.CRITICAL, evidence)
    assert RULE.explain(finding).summary == summary


def test_it_yields_to_what_explains_it() -> None:
    explain = {"thermal_slowdown", "straggler", "slow_host", "xid", "job_hung"}
    assert explain < set(ThroughputDrop.yields_to)
