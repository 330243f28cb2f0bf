"""What a slot usually explains, learned over hours where there are too few peers."""

from dataclasses import replace

import numpy as np

from gpuwatch.rules.temperature_residual import TemperatureResidual
from tests.rules.builders import AT
from tests.rules.warm_site import Memory, WarmSite, firing

IDLE_WATTS = 70.0


def test_a_small_site_learns_its_slots_for_two_hours_first() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(nodes=2)
    for minutes in range(0, 110, 5):
        told = memory.judge(site.window(AT + 60 * minutes))
        assert not told.known.any()
    for minutes in range(110, 130, 5):
        told = memory.judge(site.window(AT + 60 * minutes))
    assert told.known.all()
    assert firing(told) == []
    hot = replace(site, fault={3: 22.0})
    assert firing(memory.judge(hot.window(AT + 60 * 140))) == [3]


def test_a_standing_fault_is_not_learned_as_the_norm() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(nodes=2)
    for minutes in range(0, 180, 10):
        memory.judge(site.window(AT + 60 * minutes))
    hot = replace(site, fault={3: 22.0})
    for minutes in range(180, 1400, 10):
        told = memory.judge(hot.window(AT + 60 * minutes))
    assert firing(told) == [3]


def test_on_a_small_site_half_the_node_may_idle() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(nodes=2)
    for minutes in range(0, 180, 10):
        memory.judge(site.window(AT + 60 * minutes))
    watts = np.full(site.rows, 650.0)
    watts[:5] = IDLE_WATTS
    told = memory.judge(replace(site, watts=watts).window(AT + 60 * 190))
    assert firing(told) == []
    assert told.known[5:].all()


def test_a_site_that_falls_below_twelve_of_a_slot_goes_on_by_what_it_learned() -> None:
    memory = Memory(TemperatureResidual.configured({}))
    site = WarmSite(nodes=13, fault={3: 27.0, 60: 22.0})
    for minutes in range(0, 180, 10):
        memory.judge(site.window(AT + 60 * minutes))
    watts = np.full(site.rows, 650.0)
    watts[8:24] = IDLE_WATTS
    site.watts = watts
    site.fault = {3: 27.0, 60: 22.0, 81: 25.0}
    told = memory.judge(site.window(AT + 60 * 190))
    assert firing(told) == [81]
    # what was odd from the first day was never learned, and is not called clear
    assert not told.known[[3, 60]].any()
    assert told.known[[4, 61]].all()
