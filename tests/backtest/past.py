"""Incidents, outcomes and snapshots of a cluster's past, made by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpuwatch.backtest.outcome import Outcome, Traffic
from gpuwatch.model.condition import Ending, State
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident, Member
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.snapshot import Snapshot

T0 = 1_780_002_000.0  # 28 May 2026, 21:00 UTC
STEP = 15.0
HOUR = 3600.0
END = T0 + 6 * HOUR
H100 = "NVIDIA H100 80GB HBM3"
Floats = NDArray[np.float64]


def incident(
    name: str,
    began: float,
    lasted: float | None = 600.0,
    members: Sequence[Member] = (Member("node-01", 1, "GPU-1-1"),),
    **changes: Any,
) -> Incident:
    """Critical, told 30 s after it began (seconds after T0); None: it is still open."""
    start, ended = T0 + began, lasted is not None
    made = Incident(
        id=name,
        cluster="train",
        lead="straggler",
        category=Category.STRAGGLER,
        state=State.RESOLVED if ended else State.FIRING,
        severity=Severity.CRITICAL,
        scope=Scope.GPU,
        started_at=start,
        detected_at=start + 30,
        updated_at=start + 30,
        members=tuple(members),
        nodes=tuple(dict.fromkeys(member.node for member in members)),
        summary=f"{name}: SM clock 20 % below its peers",
        action="Drain the node.",
        rules=("straggler",),
        ending=Ending.RECOVERED if ended else None,
        resolved_at=None if lasted is None else start + lasted,
    )
    return replace(made, **changes)


def outcome(
    *incidents: Incident, traffic: Mapping[str, Traffic] | None = None, **changes: Any
) -> Outcome:
    """Six hours of 12 GPUs on 3 nodes; one post and one page an incident."""
    said = {one.id: Traffic(posts=1, pages=1) for one in incidents}
    made = Outcome(
        cluster="train",
        start=T0,
        end=END,
        step=STEP,
        incidents=tuple(incidents),
        traffic=said if traffic is None else traffic,
        gpus=12,
        nodes=3,
    )
    return replace(made, **changes)


def small_fleet(models: Sequence[str] = (H100,) * 12) -> Fleet:
    """node-00 to node-02, four GPUs each."""
    gpus = [
        Gpu(f"node-{row // 4:02}", f"GPU-{row // 4}-{row % 4}", "", row % 4, model)
        for row, model in enumerate(models)
    ]
    return Fleet("train", gpus, [f"node-{n:02}" for n in range(3)])


def readings(fleet: Fleet, begin: float, end: float, **changes: Any) -> list[Snapshot]:
    """From T0 + begin to T0 + end; GPU row r at 1500 + r MHz, 50 + r C, 600 + r W."""
    steps = int((end - begin) / STEP) + 1
    return [_reading(fleet, T0 + begin + n * STEP, changes) for n in range(steps)]


def _reading(fleet: Fleet, at: float, changes: Mapping[str, Any]) -> Snapshot:
    rows = np.arange(len(fleet), dtype=np.float64)
    columns: dict[str, Floats] = {
        "sm_clock_megahertz": 1500 + rows,
        "gpu_temperature_celsius": 50 + rows,
        "power_watts": 600 + rows,
        "utilization_percent": np.full_like(rows, 100.0),
        "tensor_active_ratio": np.full_like(rows, 0.5),
    }
    made = Snapshot("train", at, fleet, columns, np.full_like(rows, at))
    return replace(made, **changes)
