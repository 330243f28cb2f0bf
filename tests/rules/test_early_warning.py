"""Early warnings in the real engine: one cause, one incident, and no page."""

from dataclasses import dataclass, field, replace

import numpy as np

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.incident import Incident
from gpuwatch.model.message import Message
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.rules.temperature_drift import TemperatureDrift
from gpuwatch.rules.temperature_residual import TemperatureResidual
from gpuwatch.rules.thermal_slowdown import ThermalSlowdown
from tests.rules.builders import AT
from tests.rules.warm_site import WarmSite

RULES: tuple[type[Rule], ...] = (ThermalSlowdown, TemperatureResidual, TemperatureDrift)


@dataclass
class Live:
    """A warm site, polled regularly; `bits` are throttle reasons by row."""

    site: WarmSite
    bits: dict[int, float] = field(default_factory=dict)
    now: float = AT
    every_seconds: float = 30.0
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        rules = [rule.configured({}) for rule in RULES]
        self.engine = Engine(rules, Memory("train"))

    def poll(self, minutes: float) -> None:
        for _ in range(int(minutes * 60 / self.every_seconds)):
            reasons = np.zeros(self.site.rows)
            for row, bits in self.bits.items():
                reasons[row] = bits
            window = self.site.window(self.now, throttle_reasons=reasons)
            columns = {
                **window.now.columns,
                "energy_joules": np.full(self.site.rows, self.now * 600.0),
            }
            step = self.engine.step(replace(window.now, columns=columns))
            self.engine.committed(step)
            self.messages += step.messages
            self.now += self.every_seconds

    @property
    def open(self) -> list[Incident]:
        return [incident for incident in self.engine.incidents if incident.open]


def test_a_hot_node_is_one_incident_for_the_node() -> None:
    live = Live(WarmSite())
    live.poll(8)
    assert live.open == []
    live.site.node_fault = {4: 14.0}
    live.poll(8)
    (found,) = live.open
    assert (found.lead, found.scope) == ("temperature_residual", Scope.NODE)
    assert len(found.members) == 8
    assert found.summary.startswith("Whole node hotter than others")
    assert found.severity is Severity.INFO
    assert live.messages == []
    live.site.node_fault = {}
    live.poll(20)
    assert live.open == []


def test_no_sooner_than_five_minutes_and_a_warning_is_told_without_a_page() -> None:
    live = Live(WarmSite())
    live.poll(8)
    live.site.fault = {7: 24.0}
    live.poll(5)
    assert live.open == []
    live.poll(3)
    (found,) = live.open
    assert (found.severity, found.scope) == (Severity.WARNING, Scope.GPU)
    assert len(live.messages) == 1


def test_the_throttle_takes_the_early_warning_over() -> None:
    live = Live(WarmSite())
    live.poll(8)
    live.site.fault = {7: 24.0}
    live.poll(8)
    (early,) = live.open
    live.bits = {7: 0x48}
    live.poll(3)
    (found,) = live.open
    assert (found.id, found.lead) == (early.id, "thermal_slowdown")
    assert set(found.rules) == {"thermal_slowdown", "temperature_residual"}


def test_a_drift_that_becomes_a_residual_is_one_incident() -> None:
    live = Live(WarmSite(nodes=13), every_seconds=120.0)
    live.poll(60)
    for _ in range(12 * 4):
        live.site.fault = {2: live.site.fault.get(2, 0.0) + 0.5}
        live.poll(16)
    (found,) = live.open
    assert found.lead == "temperature_drift"
    assert set(found.rules) == {"temperature_drift", "temperature_residual"}
    assert found.severity is Severity.WARNING
