"""The command line of the accuracy bench."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from bench.accuracy import quiet, report
from bench.accuracy.detectors import Site
from bench.accuracy.matching import Result, kind_of
from bench.accuracy.trial import GPUWATCH, Errand, Verdict, run
from gpuwatch.sim.catalogue import fault_scenarios
from gpuwatch.sim.scenario import Scenario
from gpuwatch.sim.traps import benign_scenarios

QUICK_NODES, USUAL_NODES = 12, 48
MOST_TOLD = 8


def main(arguments: list[str]) -> None:
    """Run what was asked for; exit 1 if the false-alarm gate finds any."""
    options = _parser().parse_args(arguments)
    if options.quiet_days:
        alarms = quiet.main(
            options.quiet_days, options.nodes, options.first_seed, options.workers
        )
        sys.exit(1 if alarms else 0)
    site = Site(throughput=options.throughput, jobs=options.jobs)
    errands = [
        Errand(scenario, options.in_memory, site) for scenario in chosen(options)
    ]
    by_detector = _all(errands, options)
    if options.output == "json":
        print(json.dumps(report.document(by_detector), indent=2))
    else:
        show(by_detector, as_markdown=options.output == "markdown")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench accuracy")
    add = parser.add_argument
    add("--seeds", type=int, default=1, help="how many, from --first-seed on")
    add("--first-seed", type=int, default=1)
    add("--nodes", type=int, help="nodes of 8 GPUs, from 12 on")
    add("--quick", action="store_true", help="12 nodes, no whole day")
    add("--kind", action="append", help="only scenarios whose name begins so")
    add("--in-memory", action="store_true", help="no Prometheus, no baselines")
    add("--throughput", action="store_true", help="the site has throughput_expr")
    add("--jobs", action="store_true", help="the site has jobs.expr")
    add("--output", choices=("table", "markdown", "json"), default="table")
    add("--workers", type=int, default=os.cpu_count() or 1)
    add("--verbose", action="store_true", help="print every alert that was raised")
    add("--quiet-days", type=float, help="only the false-alarm gate, so many GPU-days")
    return parser


def chosen(options: argparse.Namespace) -> list[Scenario]:
    """Every scenario that was asked for, the longest first."""
    nodes = options.nodes or (QUICK_NODES if options.quick else USUAL_NODES)
    found: list[Scenario] = []
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        found += fault_scenarios(seed, nodes) + benign_scenarios(seed, nodes)
    if options.quick:
        found = [one for one in found if one.duration_seconds < 10_000]
    if options.kind:
        kinds = tuple(options.kind)
        found = [one for one in found if kind_of(one).startswith(kinds)]
    return sorted(found, key=lambda one: -one.duration_seconds)


def _all(
    errands: Sequence[Errand], options: argparse.Namespace
) -> dict[str, list[Result]]:
    order = {errand.scenario.name: place for place, errand in enumerate(errands)}
    done: list[Verdict] = []
    notes = Console(stderr=True, highlight=False, width=200)
    for verdict in run(errands, options.workers):
        done.append(verdict)
        notes.print(line(verdict, len(done), len(errands)))
        if options.verbose:
            _tell(notes, verdict)
    done.sort(key=lambda verdict: order[verdict.scenario])
    by_detector: dict[str, list[Result]] = {}
    for verdict in done:
        for name, result in verdict.results.items():
            by_detector.setdefault(name, []).append(result)
    return by_detector


def line(verdict: Verdict, place: int, total: int) -> str:
    """How one scenario went."""
    mine = verdict.results[GPUWATCH]
    fates = [
        f"{e.delay_seconds:.0f} s" if e.delay_seconds is not None else "MISSED"
        for e in mine.events
    ]
    wrong = [
        f"{alert.rule}@{alert.told_at:.0f}{sorted(alert.nodes)[:2]}"
        for alert in mine.false_alerts
    ]
    told = f" FALSE {' '.join(wrong)}" if wrong else ""
    name = f"{verdict.scenario} ({mine.csv}, {mine.collect_seconds:.0f} s)"
    took = f"[{verdict.took_seconds:.0f} s]"
    return f"{place}/{total} {took} {name}: {', '.join(fates) or 'calm'}{told}".replace(
        "[", "\\["
    )


def _tell(notes: Console, verdict: Verdict) -> None:
    for event in verdict.results[GPUWATCH].events:
        notes.print(f"    {event.truth}", markup=False)
    for name, alerts in verdict.alerts.items():
        for alert in alerts[:MOST_TOLD]:
            where = [(p.node, p.gpu, round(p.at)) for p in alert.places][:4]
            ended = "merged" if alert.absorbed else f"until {alert.ended_at:.0f}"
            said = f"{alert.rule}@{alert.told_at:.0f} {ended} {where}"
            notes.print(f"    {name}: {said}", markup=False)


def show(by_detector: dict[str, list[Result]], *, as_markdown: bool) -> None:
    """All tables, and which rules told wrongly."""
    console = Console(width=max(150, Console().width))
    for table in report.tables(by_detector, GPUWATCH):
        if as_markdown:
            print(report.markdown(table))
        else:
            console.print(table)
    for name, results in by_detector.items():
        blamed = Counter(a.rule for result in results for a in result.false_alerts)
        told = ", ".join(f"{rule} {count}" for rule, count in blamed.most_common())
        print(f"False alerts of {name} by rule: {told or 'none'}.")
