"""What readers (page, API, metrics) may see of one cluster: one immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.engine.engine import Coverage, Engine
from gpuwatch.model.incident import Incident
from gpuwatch.model.silence import Silence
from gpuwatch.model.snapshot import Snapshot


@dataclass(frozen=True)
class View:
    """The state after a cycle.

    Args:
        at: evaluation time of its readings; `good_at`: of the last that could be read.
        heard_at: when the last good cycle ended by this machine's own clock (Unix
            seconds); 0 = not known, then `good_at` has to do, which is the metrics
            server's clock less the source's offset.
        took_seconds: by stage (read, judge, commit).
        unread: metrics that could not be read, and why.
        health: what is wrong with gpuwatch itself.
    """

    cluster: str
    at: float
    good_at: float
    gpus: int
    gpus_present: int
    nodes: int
    incidents: tuple[Incident, ...] = ()
    silences: tuple[Silence, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    took_seconds: Mapping[str, float] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    health: Mapping[str, str] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    heard_at: float = 0.0


def view_of(
    engine: Engine,
    snapshot: Snapshot,
    good_at: float,
    took_seconds: Mapping[str, float],
) -> View:
    """The view of what an engine has committed."""
    fleet = snapshot.fleet
    serving = fleet.in_service[: snapshot.rows]
    return View(
        cluster=snapshot.cluster,
        at=snapshot.at,
        good_at=good_at,
        gpus=int(serving.sum()),
        gpus_present=int(np.count_nonzero(serving & snapshot.present)),
        nodes=len(fleet.nodes) - len(fleet.retired_nodes),
        incidents=tuple(engine.incidents),
        silences=tuple(engine.memory.silences.values()),
        coverage=engine.coverage,
        took_seconds=dict(took_seconds),
        unread=snapshot.unread,
        dropped=snapshot.dropped,
        health=snapshot.health,
        snapshot=snapshot,
    )
