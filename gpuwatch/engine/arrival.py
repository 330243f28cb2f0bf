"""The first minutes: look back before looking on."""

from __future__ import annotations

from collections.abc import Iterable

from gpuwatch.engine.engine import Engine
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot

STEP_SECONDS = 30.0
MOST_CELLS = 4_000_000
FEWEST_STEPS = 6


def reach_seconds(rules: Iterable[Rule], gpus: int) -> float:
    """How far back the rules' holds and windows go, a minute added.

    Bounded so that steps x GPUs stay below `MOST_CELLS` a metric: at 100,000 GPUs that
    is 20 minutes of 30 s steps.
    """
    wanted = [
        rule.params.hold + max((r.window_seconds for r in rule.reads), default=0.0)
        for rule in rules
    ]
    steps = max(FEWEST_STEPS, MOST_CELLS // max(gpus, 1))
    return min(max(wanted, default=0.0) + 60.0, steps * STEP_SECONDS)


def look_back(engine: Engine, past: Iterable[Snapshot]) -> None:
    """Take up readings from before the engine was here, oldest first.

    A cluster that is known gets its windows filled, so that a restart neither forgets
    nor tells anything twice. In a new one the past is judged as well: what stands
    there was found on arrival, and dates from its first bad sample; the engine's
    whole state is then still to be written. Where the past shows nobody (Prometheus was
    not there yet, or down) there is nothing to judge: that is no trouble of now.
    """
    is_known = engine.knows_cluster
    for snapshot in past:
        if is_known:
            engine.seed(snapshot)
        elif snapshot.present.any():
            engine.committed(engine.step(snapshot, looking_back=True))
