"""Rule by rule: blind, half blind, broken, and the lines that mend it."""

from collections.abc import Iterable

import numpy as np

from gpuwatch.doctor.coverage import coverage
from gpuwatch.doctor.finding import Finding
from gpuwatch.doctor.sight import Seen
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Column, Snapshot
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window
from gpuwatch.rules.power_brake import PowerBrake
from gpuwatch.rules.store_failing import StoreFailing
from gpuwatch.settings import Settings
from gpuwatch.sources.prometheus.names import NameBook
from tests.doctor.conftest import named, states
from tests.engine.toys import Silent

REASONS = "throttle_reasons"
LINE = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS, gauge, Clock event reasons."


class Broken(PowerBrake):
    """Raises."""

    name = "broken"

    def judge(self, window: Window) -> Verdicts:
        raise RuntimeError(f"no luck with {window.now.cluster}")


def seen(rules: Iterable[type[Rule]], columns: dict[str, Column]) -> Seen:
    fleet = Fleet("c")
    for node in ("a", "b"):
        for index in range(2):
            fleet.add(Gpu(node, f"GPU-{node}-{index}", index=index))
    snapshot = Snapshot("c", 1.7e9, fleet, columns, np.full(4, 1.7e9))
    engine = Engine([rule.configured({}) for rule in rules], Memory("c"))
    engine.step(snapshot)
    return Seen(Settings(), snapshot, engine.rules, engine.coverage)


def found(
    rules: Iterable[type[Rule]],
    columns: dict[str, Column],
    live: Iterable[str] = (),
    known: Iterable[str] = (),
) -> list[Finding]:
    book = NameBook.of([*live, *known])
    return list(coverage(seen(rules, columns), frozenset(live), book))


def test_a_blind_rule_names_its_metric_and_the_line() -> None:
    findings = found([PowerBrake, StoreFailing], {})
    blind = named(findings, "power_brake")
    assert (blind.state, blind.lines) == ("warn", (LINE,))
    assert blind.what == f"sees nothing: nobody exports {REASONS}"
    assert named(findings, "rules").what == (
        "1 of 2 rules have the metrics that they need"
    )
    assert "store_failing" not in states(findings)


def test_one_that_was_exported_once() -> None:
    findings = found([PowerBrake], {}, known=["DCGM_FI_DEV_CLOCKS_EVENT_REASONS"])
    blind = named(findings, "power_brake")
    assert blind.what == f"sees nothing: {REASONS} was exported once, not now"


def test_a_rule_that_sees_is_not_listed() -> None:
    findings = found([PowerBrake], {REASONS: np.zeros(4)})
    assert states(findings) == {"rules": "ok", "helpful metrics": "ok"}
    helpful = named(findings, "helpful metrics")
    assert "DCGM_FI_DEV_POWER_USAGE, gauge, Board power." in helpful.lines


def test_helpful_ones_that_are_exported_are_not_asked_for() -> None:
    findings = found(
        [PowerBrake],
        {REASONS: np.zeros(4), "power_watts": np.zeros(4)},
        live=["dcgm_fi_dev_sm_clock"],
    )
    lines = named(findings, "helpful metrics").lines
    assert not [line for line in lines if "POWER_USAGE" in line or "SM_CLOCK," in line]
    assert lines


def test_a_node_that_lacks_what_others_have() -> None:
    column = np.array([0.0, 0.0, np.nan, np.nan])
    partly = named(found([PowerBrake], {REASONS: column}), REASONS)
    assert partly.state == "warn"
    assert partly.what == f"power_brake cannot see b: no {REASONS}"


def test_one_gpu_that_lacks_it_is_no_node() -> None:
    column = np.array([0.0, 0.0, 0.0, np.nan])
    assert REASONS not in states(found([PowerBrake], {REASONS: column}))


def test_a_node_metric_asks_for_another_exporter() -> None:
    blind = named(found([Silent], {}), "silent")
    assert (blind.state, blind.lines) == ("warn", ())
    assert "node_exporter" in blind.mend


def test_a_rule_that_raises_is_a_bug_not_a_gap() -> None:
    broken = named(found([Broken], {REASONS: np.zeros(4)}), "broken")
    assert broken.state == "fail"
    assert broken.what == "raised RuntimeError: no luck with c"
