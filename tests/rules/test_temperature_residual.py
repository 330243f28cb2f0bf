"""Hotter than its slot, its power and its peers explain."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gpuwatch.model.severity import Notify
from gpuwatch.rules.temperature_residual import TemperatureResidual
from tests.rules.builders import AT, finding, fleet_of, judge, levels, window_of
from tests.rules.warm_site import STEPS, Memory, WarmSite, firing

IDLE_WATTS = 70.0
B200, A100 = "NVIDIA B200", "NVIDIA A100-SXM4-80GB"


def per_gpu(site: WarmSite, **watts_of: float) -> np.ndarray:
    """Power a GPU: `n3=400` for a node, `g5=70` for a row, 650 W for the rest."""
    watts = np.full(site.rows, 650.0)
    for name, value in watts_of.items():
        number = int(name[1:])
        rows = slice(number, number + 1)
        if name[0] == "n":
            rows = slice(number * site.gpus, (number + 1) * site.gpus)
        watts[rows] = value
    return watts


@pytest.mark.parametrize(
    ("more", "fires"),
    [(27.0, True), (20.0, True), (15.0, False), (-27.0, False)],
)
@pytest.mark.parametrize("row", [0, 7])
def test_a_gpu_above_its_slot(more: float, fires: bool, row: int) -> None:
    told = judge(TemperatureResidual, WarmSite(fault={row: more}).window())
    assert firing(told) == ([row] if fires else [])
    assert told.known.all()


def test_healthy_slots_differ_and_a_hot_slot_may_be_hotter_still() -> None:
    hot_slot = {7 + 8 * node: 14.0 for node in range(16)}
    told = judge(TemperatureResidual, WarmSite(fault=hot_slot).window())
    assert firing(told) == []
    assert firing(judge(TemperatureResidual, WarmSite(fault={7: 14.0}).window())) == []


@pytest.mark.parametrize(
    ("own", "operating", "level"),
    [
        (20.0, "_", "I"),
        (27.0, "_", "W"),
        (20.0, "78", "W"),
        (27.0, "110", "I"),
    ],
)
def test_a_warning_only_near_the_slowdown(
    own: float, operating: str, level: str
) -> None:
    site = WarmSite(fault={3: own}, noise=0.0)
    told = judge(
        TemperatureResidual, site.window(max_operating_temperature_celsius=operating)
    )
    assert levels(TemperatureResidual, told)[3] == level


def test_it_never_pages() -> None:
    params = TemperatureResidual.configured({"severity": "critical"}).params
    assert params.notify is Notify.CHANNEL
    rule = TemperatureResidual.configured({"severity": "critical"})
    told = judge(rule, WarmSite(fault={3: 30.0}).window())
    assert levels(rule, told)[3] == "W"
    quiet = TemperatureResidual.configured({"severity": "info"})
    told = judge(quiet, WarmSite(fault={3: 30.0}).window())
    assert levels(quiet, told)[3] == "I"


def test_a_gpu_that_has_just_gone_idle_reads_hot_and_is_not_judged() -> None:
    site = WarmSite()
    watts = np.full((STEPS, site.rows), 650.0)
    watts[-4:, 5] = IDLE_WATTS
    window = replace(site, watts=watts).window()
    hot = window.get("gpu_temperature_celsius").copy()
    hot[5] = 70.0
    told = judge(TemperatureResidual, replace(site, watts=watts).window())
    window = replace(site, watts=watts).window(gpu_temperature_celsius=hot)
    told = judge(TemperatureResidual, window)
    assert firing(told) == []
    assert not told.known[5]
    assert told.known.sum() == site.rows - 1


def test_the_first_minutes_of_a_job_are_not_judged() -> None:
    site = WarmSite(fault={5: 27.0})
    for steps_at_work, known in ((20, False), (21, True)):
        watts = np.full((STEPS, site.rows), IDLE_WATTS)
        watts[-steps_at_work:] = 650.0
        told = judge(TemperatureResidual, replace(site, watts=watts).window())
        assert bool(told.known.any()) is known


def test_a_short_checkpoint_does_not_blind_it() -> None:
    site = WarmSite(fault={5: 27.0})
    watts = np.full((STEPS, site.rows), 650.0)
    watts[-7:-5] = 180.0
    assert firing(judge(TemperatureResidual, replace(site, watts=watts).window())) == [
        5
    ]


def test_an_idle_fleet_is_unknown() -> None:
    told = judge(TemperatureResidual, WarmSite(watts=IDLE_WATTS).window())
    assert not told.known.any()


@pytest.mark.parametrize("absent", ["power_watts", "gpu_temperature_celsius"])
def test_without_power_or_heat_it_knows_nothing(absent: str) -> None:
    reads: dict[str, Any] = {absent: "_"}
    told = judge(TemperatureResidual, WarmSite().window(**reads))
    assert not told.known.any()


def test_power_explains_a_hotter_job_and_does_not_hide_a_fault() -> None:
    site = WarmSite(fault={4: 24.0})
    light = {f"n{node}": 300.0 for node in range(8)}
    site.watts = per_gpu(site, **light)
    assert firing(judge(TemperatureResidual, site.window())) == [4]


def test_two_jobs_on_one_node() -> None:
    site = WarmSite()
    watts = np.full(site.rows, 690.0)
    watts[::2] = 300.0
    site.watts = watts
    told = judge(TemperatureResidual, site.window())
    assert firing(told) == []
    assert told.known.all()


def test_liquid_and_air_cooled_nodes_of_one_model() -> None:
    cold = dict.fromkeys(range(0, 16, 2), -22.0)
    assert firing(judge(TemperatureResidual, WarmSite(node_fault=cold).window())) == []
    site = WarmSite(node_fault=cold, fault={2: 24.0})
    assert firing(judge(TemperatureResidual, site.window())) == [2]


def test_a_hot_aisle_marks_nobody() -> None:
    aisle = {node: 6.0 + node % 3 for node in range(8)}
    assert firing(judge(TemperatureResidual, WarmSite(node_fault=aisle).window())) == []


@pytest.mark.parametrize(("more", "fires"), [(13.0, True), (7.0, False)])
def test_a_whole_node_hotter_than_all_others(more: float, fires: bool) -> None:
    told = judge(TemperatureResidual, WarmSite(node_fault={4: more}).window())
    assert firing(told) == (list(range(32, 40)) if fires else [])


def test_two_hot_nodes_of_many_do_not_hide_each_other() -> None:
    site = WarmSite(nodes=24, node_fault={4: 13.0, 9: 14.0})
    told = judge(TemperatureResidual, site.window())
    assert firing(told) == [*range(32, 40), *range(72, 80)]


def test_five_nodes_are_too_few_to_call_one_hot() -> None:
    site = WarmSite(nodes=5, node_fault={4: 20.0})
    assert firing(judge(TemperatureResidual, site.window())) == []


def test_models_are_not_compared_with_each_other() -> None:
    fleet = fleet_of(24, 8, model=[A100] * 96 + [B200] * 96)
    heat = np.array([60.0] * 96 + [80.0] * 96)
    heat[100] = 102.0
    watts = np.array([380.0] * 96 + [950.0] * 96)
    window = window_of(
        fleet, steps=STEPS, gpu_temperature_celsius=heat, power_watts=watts
    )
    assert firing(judge(TemperatureResidual, window)) == [100]


def test_mig_instances_are_not_judged() -> None:
    fleet = fleet_of(16, 8, mig="3")
    window = window_of(
        fleet, steps=STEPS, gpu_temperature_celsius="90", power_watts="650"
    )
    assert not judge(TemperatureResidual, window).known.any()


def test_an_unknown_model_is_judged_by_utilisation() -> None:
    fleet = fleet_of(16, 8, model="Something New")
    heat = np.full(128, 60.0)
    heat[9] = 84.0
    window = window_of(
        fleet, steps=STEPS, gpu_temperature_celsius=heat, power_watts="180",
        utilization_percent="100",
    )  # fmt: skip
    assert firing(judge(TemperatureResidual, window)) == [9]


def test_fewer_than_three_at_work_on_a_node_are_unknown() -> None:
    site = WarmSite()
    watts = np.full(site.rows, 650.0)
    watts[2:8] = IDLE_WATTS
    site.watts = watts
    assert judge(TemperatureResidual, site.window()).known[:9].tolist() == [
        *[False] * 8, True,
    ]  # fmt: skip


def test_in_between_it_repeats_itself_and_not_of_those_who_are_gone() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(fault={3: 27.0})
    first = memory.judge(site.window(AT))
    cool = WarmSite()
    heat = cool.celsius()
    heat[9] = np.nan
    again = memory.judge(cool.window(AT + 30, gpu_temperature_celsius=heat))
    assert firing(again) == [3]
    assert not again.known[9]
    assert again.keep == {}
    shown = "above_expected_celsius"
    assert again.evidence[shown][3] == first.evidence[shown][3]
    assert firing(memory.judge(cool.window(AT + 60))) == []


def test_a_clock_that_went_back_looks_anew() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    memory.judge(WarmSite(fault={3: 27.0}).window(AT))
    assert firing(memory.judge(WarmSite().window(AT - 30))) == []


def test_one_that_fired_and_idles_now_is_unknown() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(fault={3: 27.0})
    memory.judge(site.window(AT))
    site.watts = per_gpu(site, n0=IDLE_WATTS)
    told = memory.judge(site.window(AT + 60))
    assert not told.known[3]


@pytest.mark.parametrize(
    ("site", "row", "summary"),
    [
        (WarmSite(fault={3: 27.0}), 3, "Hotter than load explains, 27 °C"),
        (WarmSite(node_fault={2: 15.0}), 17, "Whole node hotter than others, 13 °C"),
    ],
)
def test_says_what_it_is(site: WarmSite, row: int, summary: str) -> None:
    window = site.window()
    told = judge(TemperatureResidual, window)
    found = finding(TemperatureResidual, told, window, row)
    words = TemperatureResidual.configured({}).explain(found)
    assert words.summary.rpartition(" ")[0][:-2] == summary.rpartition(" ")[0][:-2]
    assert (
        found.evidence["gpu_temperature_celsius"]
        > found.evidence["expected_celsius"] - 1
    )
