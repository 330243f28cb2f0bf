"""Hour by hour hotter at the same work."""

from collections.abc import Callable

import numpy as np
import pytest

from gpuwatch.model.severity import Notify
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.temperature_drift import TemperatureDrift
from tests.rules.builders import finding, levels
from tests.rules.warm_site import Memory, WarmSite, firing

# the start of a half hour
START = 1_700_001_000.0 // 1800 * 1800
READING = 600.0
HURT = 3
Bend = Callable[[WarmSite, float], None]


def days(
    bend: Bend, hours: float, site: WarmSite | None = None, **params: object
) -> tuple[list[Verdicts], Window]:
    """A verdict every 10 minutes; `bend` sets the site up for an hour since start."""
    warm = site or WarmSite(nodes=12, noise=0.7)
    memory = Memory(TemperatureDrift.configured(params))
    told, window = [], warm.window(START)
    for number in range(int(hours * 6) + 1):
        bend(warm, number / 6)
        window = warm.window(START + number * READING)
        told.append(memory.judge(window))
    return told, window


def creeping(per_hour: float, since: float = 0.0, row: int = HURT) -> Bend:
    """One GPU warms from an hour on."""

    def bend(site: WarmSite, hour: float) -> None:
        site.fault = {row: per_hour * max(0.0, hour - since)}

    return bend


def first_hour(told: list[Verdicts], row: int = HURT) -> float | None:
    """When it first fired, in hours."""
    hits = [number / 6 for number, v in enumerate(told) if v.firing[row]]
    return hits[0] if hits else None


def others(told: list[Verdicts], *rows: int) -> set[int]:
    """Who else ever fired."""
    return {row for v in told for row in firing(v)} - set(rows)


@pytest.mark.parametrize("since", [0.0, 9.0])
def test_one_degree_an_hour_is_told_after_about_five_hours(since: float) -> None:
    told, _ = days(creeping(1.0, since), since + 8)
    hour = first_hour(told)
    assert hour is not None
    assert 4.0 <= hour - since <= 6.5
    assert others(told, HURT) == set()


def test_a_quarter_of_a_degree_an_hour_is_told_within_a_day() -> None:
    told, _ = days(creeping(0.25), 24)
    hour = first_hour(told)
    assert hour is not None
    assert 16.0 <= hour <= 24.0


@pytest.mark.parametrize("per_hour", [0.1, 0.0, -1.0])
def test_what_stays_below_four_degrees_a_day_is_none(per_hour: float) -> None:
    told, _ = days(creeping(per_hour), 30)
    assert others(told) == set()


def test_one_jump_is_no_drift() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        site.fault = {HURT: 8.0 if hour >= 7.2 else 0.0}

    told, _ = days(bend, 30)
    assert others(told) == set()
    assert told[-1].known.all()


def test_another_job_at_another_power_is_no_drift() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        watts = np.full(site.rows, 650.0)
        watts[: site.rows // 2] = 650.0 - 60.0 * min(5, int(hour / 3))
        site.watts = watts

    told, _ = days(bend, 24)
    assert others(told) == set()


def test_a_warm_afternoon_is_no_drift() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        swing = 3.0 * np.sin(2 * np.pi * hour / 24)
        site.node_fault = {n: swing * (1 + n / 12) for n in range(site.nodes)}

    told, _ = days(bend, 48)
    assert others(told) == set()


def test_a_whole_node_that_drifts_is_told_for_all_its_gpus() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        site.node_fault = {2: 1.5 * hour}

    told, window = days(bend, 8)
    assert firing(told[-1]) == list(range(16, 24))
    found = finding(TemperatureDrift, told[-1], window, 16)
    words = TemperatureDrift.configured({}).explain(found)
    assert words.summary.startswith("Node drifts hotter by ")
    assert "rise_celsius" not in found.evidence


def test_the_limit_within_a_day_is_a_warning() -> None:
    fast, window = days(creeping(1.0), 7)
    found = finding(TemperatureDrift, fast[-1], window, HURT)
    # 52 + 6 + 7 of 87 °C at a degree an hour
    assert 17 <= found.evidence["hours_to_limit"] <= 29
    assert 0.8 <= found.evidence["celsius_per_hour"] <= 1.2
    told, _ = days(creeping(1.0), 7, limit_within="2d")
    assert levels(TemperatureDrift, told[-1])[HURT] == "W"
    told, _ = days(creeping(1.0), 7, limit_within="10h")
    assert levels(TemperatureDrift, told[-1])[HURT] == "I"
    params = TemperatureDrift.configured({}).params
    assert params.notify is Notify.CHANNEL


def test_it_lasts_while_the_gpu_is_hotter_and_ends_when_it_is_mended() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        site.fault = {HURT: min(hour, 8.0) if hour < 30 else 0.0}

    told, _ = days(bend, 32)
    # it rises no more, and is not called recovered
    assert told[6 * 28].firing[HURT]
    assert np.isnan(told[6 * 28].evidence["celsius_per_hour"][HURT])
    assert not told[-1].firing[HURT]
    assert told[-1].known[HURT]


def test_a_restart_in_the_middle_loses_nothing_and_a_long_gap_proves_nothing() -> None:
    site = WarmSite(nodes=12, noise=0.7)
    memory = Memory(TemperatureDrift.configured({}))

    def look(hour: float) -> Verdicts:
        creeping(1.0)(site, hour)
        return memory.judge(site.window(START + hour * 3600))

    for number in range(18):
        look(number / 6)
    memory = Memory(TemperatureDrift.configured({}), dict(memory.kept))
    for number in range(20, 44):
        told = look(number / 6)
    assert firing(told) == [HURT]
    assert not look(44 / 6 + 30).known.any()


def test_an_idle_gpu_is_unknown_after_a_while() -> None:
    def bend(site: WarmSite, hour: float) -> None:
        watts = np.full(site.rows, 650.0)
        watts[: 4 * 8] = 70.0 if hour >= 6 else 650.0
        site.watts = watts

    told, _ = days(bend, 7, WarmSite(nodes=16))
    assert not told[-1].known[: 4 * 8].any()
    assert told[-1].known[4 * 8 :].all()


def test_a_small_site_sees_a_drift_too() -> None:
    told, _ = days(creeping(1.0, since=4.0), 12, WarmSite(nodes=1, noise=0.7))
    hour = first_hour(told)
    assert hour is not None
    assert 8.0 <= hour <= 12.0
    assert others(told, HURT) == set()


def test_what_is_kept_between_readings_is_nothing() -> None:
    site = WarmSite()
    memory = Memory(TemperatureDrift.configured({}))
    assert memory.judge(site.window(START)).keep
    assert memory.judge(site.window(START + 300)).keep == {}


def test_the_store_is_given_few_columns_at_once() -> None:
    told, _ = days(creeping(0.0), 3)
    for verdicts in told[1:]:
        rows = [c for c in verdicts.keep.values() if len(c) == 12 * 8]
        assert len(rows) <= 12
