import math
from dataclasses import replace

import pytest

from bench.accuracy.alerts import Alert
from bench.accuracy.matching import Found, Result
from bench.accuracy.report import (
    document,
    is_seen,
    is_stock_straggler,
    is_unseen,
    markdown,
    tables,
)
from bench.accuracy.totals import Calm, calm, halfway, poisson_bound, quality
from gpuwatch.sim.scenario import Truth

HEAD = (
    "| kind | n | recall | samples | seconds | node | GPU | alerts | false |"
    " other: recall |"
)
WRONG = Alert("some_rule", 700.0)
HOT = Truth("thermal", "node-01", 1, 1000.0)
LOCKED = Truth("clock_locked", "node-01", 1, 1000.0, visible_to_expert=False)


def found(truth: Truth, delay: float, samples: int = 2) -> Found:
    return Found(
        "a_kind",
        truth,
        delay,
        samples,
        node_named=True,
        gpu_named=True,
        alerts=1,
        messages=2,
    )


def missed(truth: Truth) -> Found:
    return Found("a_kind", truth)


def result(*events: Found, false: int = 0, calm_days: float = 0.0) -> Result:
    wrong = (WRONG,) * false
    return Result("some-1", "full", 15.0, events, wrong, wrong, calm_days)


def test_precision_recall_and_f1() -> None:
    q = quality([result(found(HOT, 30), missed(HOT)), result(false=3)])
    assert (q.events, q.found, q.false) == (2, 1, 3)
    assert (q.recall, q.precision) == (0.5, 0.25)
    assert q.f1 == pytest.approx(2 * 0.5 * 0.25 / 0.75)


def test_nothing_at_all_is_not_perfect() -> None:
    q = quality([])
    assert math.isnan(q.f1)
    assert math.isnan(q.recall)
    assert quality([result(missed(HOT))]).f1 == 0


def test_a_group_has_the_false_alerts_of_its_own_scenarios() -> None:
    results = [
        result(found(HOT, 30), false=1),
        result(missed(LOCKED), false=2),
        result(false=4),
    ]
    seen, unseen = quality(results, is_seen), quality(results, is_unseen)
    assert (seen.found, seen.events, seen.false) == (1, 1, 1)
    assert (unseen.found, unseen.events, unseen.false) == (0, 1, 2)


def test_the_stock_group_knows_its_csv() -> None:
    full = result(found(HOT, 30))
    stock = replace(full, csv="stock")
    elsewhere = replace(result(found(replace(HOT, kind="nvlink"), 30)), csv="stock")
    assert quality([full, stock, elsewhere], is_stock_straggler).events == 1


def test_shares_and_means_leave_out_what_nobody_told() -> None:
    wrong = replace(found(HOT, 30), node_named=True, gpu_named=False, alerts=3)
    q = quality([result(found(HOT, 30), wrong, missed(HOT))])
    assert (q.node_right, q.gpu_right, q.alerts, q.messages) == (1.0, 0.5, 2.0, 2.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0], (5.0, 5.0)),
        ([3.0, 1.0, 2.0], (2.0, 3.0)),
        ([float(n) for n in range(1, 101)], (50.0, 95.0)),
    ],
)
def test_percentiles_are_values_that_occurred(
    values: list[float], expected: tuple[float, float]
) -> None:
    assert halfway(values) == expected


@pytest.mark.parametrize(
    ("seen", "bound"),
    # chi-squared quantiles: qchisq(0.95, 2 * (seen + 1)) / 2
    [(0, 2.9957), (1, 4.7439), (5, 10.5130), (100, 118.0792)],
)
def test_the_poisson_bound(seen: int, bound: float) -> None:
    assert poisson_bound(seen) == pytest.approx(bound, abs=1e-3)


def test_false_alarm_rate() -> None:
    whole = calm([result(false=2, calm_days=500), result(calm_days=1500)])
    assert whole == Calm(2, 2000)
    assert whole.per_thousand == 1.0
    assert Calm(0, 52_000).bound == pytest.approx(0.0576, abs=1e-4)


def test_the_json_document_has_no_nan() -> None:
    text = document({"gpuwatch": [result(missed(HOT)), result(false=1, calm_days=2)]})
    kinds = text["gpuwatch"]["kinds"]
    assert kinds["a_kind"]["recall"] == 0.0
    assert kinds["a_kind"]["gpu_right"] is None
    assert kinds["a_kind"]["seconds"] == [None, None]
    assert text["gpuwatch"]["calm"]["alarms"] == 1


def test_tables_for_the_docs() -> None:
    results = {"gpuwatch": [result(found(HOT, 30))], "other": [result(missed(HOT))]}
    kinds, *rest = tables(results, "gpuwatch")
    assert markdown(kinds).splitlines() == [
        "**gpuwatch by kind of fault**",
        "",
        HEAD,
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| a_kind | 1 | 1 | 2 / 2 | 30 / 30 | 1 | 1 | 1 | 0 | 0 |",
    ]
    assert [table.row_count for table in rest] == [8, 6, 2]
