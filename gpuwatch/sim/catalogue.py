"""The labelled scenarios: every fault, and every benign trap, by seed.

Generations, CSVs, collect intervals, layouts and labels take turns, so that a few
seeds bring every fault together with each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gpuwatch.sim.fields import GENERATIONS
from gpuwatch.sim.layouts import LAYOUTS, Jobs
from gpuwatch.sim.recipes import RECIPES, Place, Recipe
from gpuwatch.sim.scenario import Csv, Scenario

CSVS: tuple[Csv, ...] = ("full", "stock")
COLLECTS_SECONDS = (15.0, 30.0)
USUAL_SECONDS = 3000.0
ONSET_SECONDS = (1080.0, 1380.0)
AFTER_SECONDS = 420.0
GAP_SHARE = 0.01
STALE_XIDS = (13, 31, 43, 45, 63)


def fault_scenarios(seed: int, nodes: int = 48) -> list[Scenario]:
    """One scenario of every recipe: calm for 18 min, then the fault, then calm again.

    `nodes` from 12 on; fewer make a quicker bench.
    """
    return [_faulty(seed, turn, recipe, nodes) for turn, recipe in enumerate(RECIPES)]


def setting(seed: int, turn: int, name: str, nodes: int) -> Scenario:
    """An empty scenario whose names, CSV, interval and labels are this turn's."""
    choice = turn + 3 * seed
    return Scenario(
        name=f"{name}-{seed}",
        seed=seed * 1000 + turn,
        nodes=nodes,
        duration_seconds=USUAL_SECONDS,
        collect_seconds=COLLECTS_SECONDS[choice // 2 % 2],
        generation=GENERATIONS[(turn + seed) % 3],
        csv=CSVS[choice % 2],
        labels=choice // 4 % 2 == 0,
        gap_share=GAP_SHARE,
        sticky_xids=_stale(np.random.default_rng([seed, turn]), nodes * 8),
    )


def laid_out(scenario: Scenario, layout: Callable[..., Jobs]) -> Scenario:
    """The scenario with these jobs on it."""
    return replace(scenario, jobs=layout(scenario.rng(8), scenario.nodes))


def _stale(rng: np.random.Generator, gpus: int) -> tuple[tuple[int, int], ...]:
    rows = rng.choice(gpus, 2, replace=False)
    return tuple((int(row), int(rng.choice(STALE_XIDS))) for row in rows)


def _faulty(seed: int, turn: int, recipe: Recipe, nodes: int) -> Scenario:
    base = setting(seed, turn, recipe.name, nodes)
    base = laid_out(base, LAYOUTS[(turn + seed) % len(LAYOUTS)])
    if recipe.csv == "full":
        base = replace(base, csv="full")
    if recipe.seconds:
        base = replace(base, duration_seconds=recipe.seconds)
    rng = base.rng(9)
    first = base.jobs[0]
    place = Place(
        rng=rng,
        nodes=tuple(base.node_names[node] for node in first.nodes),
        gpus_per_node=base.gpus_per_node,
        onset_seconds=float(rng.uniform(*ONSET_SECONDS)),
        end_seconds=base.duration_seconds - AFTER_SECONDS,
        csv=base.csv,
    )
    faults, truths = recipe.plan(place)
    return replace(base, faults=faults, truths=truths)
