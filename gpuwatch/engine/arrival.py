"""The first minutes: look back before looking on."""

from __future__ import annotations

from collections.abc import Iterable

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Step, merged
from gpuwatch.model.snapshot import Snapshot


def look_back(engine: Engine, past: Iterable[Snapshot]) -> Step | None:
    """Take up readings from before the engine was here, oldest first.

    A cluster that is known gets its windows filled, so that a restart neither forgets
    nor tells anything twice. In a new one the past is judged as well: what stands
    there was found on arrival, and dates from its first bad sample. The returned step
    is still to be written, together with the first live one.
    """
    if engine.knows_cluster:
        for snapshot in past:
            engine.seed(snapshot)
        return None
    whole: Step | None = None
    for snapshot in past:
        step = engine.step(snapshot, looking_back=True)
        engine.committed(step)
        whole = merged(whole, step) if whole else step
    return whole
