from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from gpuwatch.model.severity import Severity
from gpuwatch.model.verdict import Finding
from gpuwatch.rules.telemetry_frozen import TelemetryFrozen
from tests.rules.builders import finding, fleet_of, judge, levels, marks, window_of


def energy(every: int, polls: int, flat: int = 0) -> NDArray[np.float64]:
    """A counter collected every so many polls; it stands still in the last `flat`."""
    moving = [1000.0 + poll // every for poll in range(polls - flat)]
    return np.array([*moving, *[moving[-1]] * flat])[:, None]


@pytest.mark.parametrize(
    ("every", "polls", "flat", "mark"),
    [
        (1, 41, 0, "."),
        (2, 41, 0, "."),
        (2, 41, 6, "."),
        (2, 41, 7, "F"),
        (2, 41, 20, "F"),
        (2, 41, 40, "F"),
        (1, 8, 7, "F"),
        (1, 7, 6, "?"),
        (1, 2, 0, "."),
        (1, 1, 0, "?"),
        (4, 41, 8, "."),
        (4, 41, 16, "F"),
        (20, 41, 0, "."),
        (20, 41, 19, "."),
    ],
)
def test_flat_for_more_than_three_collect_intervals(
    every: int, polls: int, flat: int, mark: str
) -> None:
    window = window_of(
        fleet_of(), energy_joules=energy(every, polls, flat), power_watts="400"
    )
    assert marks(judge(TelemetryFrozen, window)) == mark


@pytest.mark.parametrize(
    ("power", "age", "mark"),
    [
        ("400", "0", "F"),
        ("1", "0", "F"),
        ("0", "0", "?"),
        ("_", "0", "?"),
        ("400", "120", "F"),
        ("400", "121", "?"),
        ("400", "_", "?"),
    ],
)
def test_only_while_power_is_drawn_and_scrapes_go_on(
    power: str, age: str, mark: str
) -> None:
    window = window_of(
        fleet_of(),
        energy_joules=energy(2, 41, 20),
        power_watts=power,
        sample_age_seconds=age,
    )
    assert marks(judge(TelemetryFrozen, window)) == mark


def test_a_scrape_that_stopped_is_not_a_counter_that_stands_still() -> None:
    window = window_of(
        fleet_of(),
        energy_joules=energy(1, 41, 7),
        power_watts="400",
        sample_age_seconds="105",
    )
    assert marks(judge(TelemetryFrozen, window)) == "."


def test_the_fleet_tells_the_interval_of_a_gpu_that_never_moved() -> None:
    slow, still = energy(12, 41), energy(41, 41)
    fleet = fleet_of(gpus=2)
    window = window_of(fleet, energy_joules=np.hstack([slow, still]), power_watts="400")
    usual = judge(TelemetryFrozen, window).evidence["usual_interval_seconds"]
    assert usual[1] == 180.0
    assert marks(judge(TelemetryFrozen, window)) == ".F"


def test_a_whole_node_and_a_single_gpu() -> None:
    moving, still = energy(2, 41), energy(2, 41, 10)
    window = window_of(
        fleet_of(nodes=2, gpus=2),
        energy_joules=np.hstack([still, still, moving, still]),
        power_watts="400",
    )
    assert levels(TelemetryFrozen, judge(TelemetryFrozen, window)) == "WW.W"


def test_a_reset_counter_has_moved() -> None:
    values = energy(41, 41)
    values[-1] = 3.0
    window = window_of(fleet_of(), energy_joules=values, power_watts="400")
    assert marks(judge(TelemetryFrozen, window)) == "."


def test_gaps_neither_move_nor_freeze() -> None:
    values = energy(2, 41)
    values[20:28] = np.nan
    window = window_of(fleet_of(), energy_joules=values, power_watts="400")
    assert marks(judge(TelemetryFrozen, window)) == "."
    values[-1] = np.nan
    window = window_of(fleet_of(), energy_joules=values, power_watts="400")
    assert marks(judge(TelemetryFrozen, window)) == "?"


def test_it_dates_from_the_last_move() -> None:
    window = window_of(fleet_of(), energy_joules=energy(1, 41, 8), power_watts="400")
    verdicts = judge(TelemetryFrozen, window)
    assert verdicts.since is not None
    assert window.now.at - verdicts.since[0] == 120.0
    assert verdicts.evidence["unchanged_for_seconds"].tolist() == [120.0]


def test_the_limits_can_be_set() -> None:
    rule = TelemetryFrozen.configured({"flat_for": "30s", "intervals_count": 2})
    for flat, expected in ((2, "."), (3, "F")):
        values = energy(1, 41, flat)
        window = window_of(fleet_of(), energy_joules=values, power_watts="400")
        assert marks(judge(rule, window)) == expected


def test_words() -> None:
    rule = TelemetryFrozen.configured({})
    window = window_of(fleet_of(), energy_joules=energy(2, 41, 20), power_watts="400")
    found = finding(rule, judge(rule, window), window)
    assert rule.explain(found).summary == "GPU readings are frozen"
    many = replace(found, members=tuple(fleet_of(gpus=8).gpus))
    assert rule.explain(many).summary == "Exporter repeats old values"
    alone = Finding(found.subject, Severity.WARNING, {})
    assert "nv-hostengine" in rule.explain(alone).action
