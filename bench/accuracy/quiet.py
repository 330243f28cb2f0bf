"""The false-alarm gate: many fault-free GPU-days with every benign trap on.

No Prometheus: simulated ticks become snapshots and go through the same engine. The
cost of a step hardly grows with the fleet, so that large fleets make it feasible: 2,048
GPUs cost some 38 ms a step, 384 some 35. A whole seed at the usual 1,024 GPUs is 2,343
GPU-days.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console

from bench.accuracy.matching import Result, kind_of
from bench.accuracy.report import calm_row, calm_table
from bench.accuracy.totals import Calm, calm
from bench.accuracy.trial import GPUWATCH, Errand, Verdict, run
from bench.ticks import WARM_UP_SECONDS
from gpuwatch.sim.scenario import Scenario
from gpuwatch.sim.traps import benign_scenarios

USUAL_NODES = 128
# Traps are made for 50 min; here they go on, so that the one of a whole day is not most
# of what is judged.
SHORTEST_SECONDS = 7200.0


def main(days: float, nodes: int | None, first_seed: int, workers: int) -> int:
    """Judge at least so many GPU-days, tell, and return the number of false alarms."""
    scenarios = planned(days, nodes or USUAL_NODES, first_seed)
    notes = Console(stderr=True, highlight=False, width=160)
    began, done = time.perf_counter(), []
    total = sum(map(gpu_days, scenarios))
    errands = [Errand(scenario, memory_only=True) for scenario in scenarios]
    for verdict in run(errands, workers):
        done.append(verdict)
        judged = sum(v.results[GPUWATCH].calm_gpu_days for v in done)
        notes.print(f"{judged:,.0f} of {total:,.0f} GPU-days; {said(verdict)}")
    _show(done, scenarios, time.perf_counter() - began)
    return calm([v.results[GPUWATCH] for v in done]).alarms


def planned(days: float, nodes: int, first_seed: int = 1) -> list[Scenario]:
    """Whole seeds of every trap until that is enough, the longest scenarios first.

    Every trap is in, however few days are asked for.
    """
    found: list[Scenario] = []
    for scenarios in _seeds(nodes, first_seed):
        found += scenarios
        if sum(map(gpu_days, found)) >= days:
            break
    return sorted(found, key=lambda one: -one.duration_seconds)


def _seeds(nodes: int, seed: int) -> Iterator[list[Scenario]]:
    while True:
        traps = benign_scenarios(seed, nodes)
        yield [
            replace(one, duration_seconds=max(one.duration_seconds, SHORTEST_SECONDS))
            for one in traps
        ]
        seed += 1


def gpu_days(scenario: Scenario) -> float:
    """What of it is judged."""
    gpus = scenario.nodes * scenario.gpus_per_node
    return (scenario.duration_seconds - WARM_UP_SECONDS) * gpus / 86_400


def said(verdict: Verdict) -> str:
    """The scenario, and what was told in it."""
    alerts = verdict.results[GPUWATCH].calm_alerts
    told = [f"{a.rule}@{a.told_at:.0f} {sorted(a.nodes)[:3]}" for a in alerts]
    return f"{verdict.scenario} {'; '.join(told) or 'quiet'}".replace("[", "\\[")


def _show(done: Sequence[Verdict], scenarios: Sequence[Scenario], took: float) -> None:
    console = Console(width=120)
    trap_of = {scenario.name: kind_of(scenario) for scenario in scenarios}
    by_trap: dict[str, list[Result]] = {}
    for verdict in done:
        trap = trap_of[verdict.scenario]
        by_trap.setdefault(trap, []).append(verdict.results[GPUWATCH])
    table = calm_table("trap")
    for trap, results in sorted(by_trap.items()):
        table.add_row(trap, *calm_row(calm(results)))
    table.add_section()
    whole: Calm = calm([result for results in by_trap.values() for result in results])
    table.add_row("all", *calm_row(whole))
    console.print(table)
    rules = Counter(a.rule for v in done for a in v.results[GPUWATCH].calm_alerts)
    by_rule = ", ".join(f"{rule} {n}" for rule, n in rules.most_common())
    console.print(f"by rule: {by_rule or 'none'}; took {took / 60:.1f} min")
