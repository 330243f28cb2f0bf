"""What gpuwatch said and when, against an outcome that only keeps the last face."""

from collections.abc import Iterator

import numpy as np

from bench.accuracy.alerts import NEVER
from bench.accuracy.trace import Witness
from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.snapshot import Snapshot, Xids
from gpuwatch.rules import builtin_rules

ZERO = 1_790_000_010.0


def snapshots(xids: dict[float, int], seconds: float = 300) -> Iterator[Snapshot]:
    """Two GPUs; the first shows an XID from a time on (code by time)."""
    cards = [Gpu("node-01", f"GPU-{n}", "", n, "NVIDIA H100") for n in range(2)]
    fleet = Fleet("bench", cards, ["node-01"])
    energy = 0.0
    for second in np.arange(0, seconds, 15.0):
        energy += 1000
        codes = [code for since, code in xids.items() if second >= since]
        at = ZERO + second
        yield Snapshot(
            cluster="bench",
            at=at,
            fleet=fleet,
            columns={"energy_joules": np.full(2, energy)},
            sampled_at=np.full(2, at),
            xids=Xids(
                row=np.zeros(len(codes), np.int64),
                code=np.array(codes, np.int64),
                count=np.ones(len(codes)),
            ),
            xids_known=np.ones(2, bool),
        )


def told(xids: dict[float, int]) -> list[tuple[str, float, object]]:
    rules = [builtin_rules()["xid"].configured({})]
    witness = Witness(Engine(rules, Memory("bench")), ZERO + 60, ZERO + 300, 15)
    outcome = witness.watch(snapshots(xids))
    alerts = witness.alerts(outcome, ZERO, 2)
    return [
        (a.rule, a.told_at, [(p.node, p.gpu, p.at) for p in a.places]) for a in alerts
    ]


def test_a_fatal_xid_is_told_when_it_is_seen() -> None:
    assert told({120: 94}) == [("xid", 120.0, [("node-01", 0, 120.0)])]


def test_what_is_only_worth_a_note_is_not() -> None:
    assert told({120: 13}) == []


def test_what_stood_before_is_not() -> None:
    assert told({0: 94}) == []


def test_open_at_the_end() -> None:
    rules = [builtin_rules()["xid"].configured({})]
    witness = Witness(Engine(rules, Memory("bench")), ZERO + 60, ZERO + 300, 15)
    outcome = witness.watch(snapshots({120: 94}))
    (alert,) = witness.alerts(outcome, ZERO, 2)
    assert (alert.ended_at, alert.absorbed, alert.about_job) == (NEVER, False, False)
    assert alert.messages == 1
