"""A job's drop through the whole engine, a restart of gpuwatch in between."""

from dataclasses import replace

import numpy as np

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.incident import Incident
from gpuwatch.model.severity import Scope, Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.rules.throughput_drop import ThroughputDrop
from tests.rules.builders import AT, fleet_of, window_of

FLEET = fleet_of(nodes=2, gpus=8)


def seen(step: int, value: float) -> Snapshot:
    at = AT + 15.0 * step
    jobs = " ".join(["4211"] * 16)
    now = window_of(FLEET, at=at, jobs=jobs, power_watts=600.0).now
    return replace(now, throughput={"4211": value})


def engine(memory: Memory) -> Engine:
    return Engine([ThroughputDrop.configured({})], memory)


def run(watching: Engine, first: int, values: list[float]) -> list[Incident]:
    for number, value in enumerate(values, first):
        watching.committed(watching.step(seen(number, value)))
    return [incident for incident in watching.incidents if incident.open]


def test_a_drop_is_one_incident_of_the_job_and_outlives_a_restart() -> None:
    memory = Memory(FLEET.cluster)
    assert run(engine(memory), 0, [1000.0] * 60 + [620.0] * 12) == []
    (incident,) = run(engine(memory), 72, [620.0] * 12)
    assert (incident.scope, incident.job) == (Scope.JOB, "4211")
    assert incident.severity is Severity.CRITICAL
    assert incident.started_at == AT + 15 * 60
    assert incident.summary == "Job at 62 % of its throughput"
    lost = incident.evidence["lost_gpu_hours"]
    minutes = (incident.updated_at - incident.started_at) / 60
    assert np.isclose(lost, 16 * minutes / 60 * 0.38, rtol=0.15)
    assert run(engine(memory), 84, [1000.0] * 24) == []
