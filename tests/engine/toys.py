"""Toy rules and a toy site, so that the engine is tested apart from real rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory, Step
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu
from gpuwatch.model.incident import Incident
from gpuwatch.model.message import Message
from gpuwatch.model.request import Request
from gpuwatch.model.rule import Kind, Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.snapshot import Snapshot, Xids
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window, has_bits

POLL = 15.0


class Critical(RuleParams):
    severity: Severity = Severity.CRITICAL
    keep_firing: float = 60.0


class Brief(RuleParams):
    keep_firing: float = 60.0


class Toy(Rule):
    """A toy."""

    def explain(self, finding: Finding) -> Words:
        return Words(self.name, f"mend {finding.subject.node}")


class Brake(Toy):
    name = "brake"
    category = Category.POWER
    reads = (Read("throttle_reasons"),)
    slows_job = True
    Params = Critical

    def judge(self, window: Window) -> Verdicts:
        bits = window.get("throttle_reasons")
        return judged(has_bits(bits, 0x80), bits, evidence={"throttle_reasons": bits})


class Hot(Toy):
    name = "hot"
    category = Category.THERMAL
    reads = (Read("gpu_temperature_celsius"),)
    yields_to = ("brake",)
    Params = Brief

    def judge(self, window: Window) -> Verdicts:
        heat = window.get("gpu_temperature_celsius")
        evidence = {"gpu_temperature_celsius": heat}
        return judged(heat > 85, heat, evidence=evidence)


class Code(Toy):
    name = "code"
    category = Category.XID
    kind = Kind.EVENT
    boot_grace = False
    samples = (1, 1)
    Params = Critical

    def judge(self, window: Window) -> Verdicts:
        xids, fleet = window.now.xids, window.now.fleet
        pairs = zip(xids.row, xids.code, strict=True)
        subjects = tuple(fleet.subject(int(row), str(code)) for row, code in pairs)
        new = np.ones(len(subjects), bool)
        live = window.now.present
        return Verdicts(firing=new, known=new, subjects=subjects, elsewhere=live)


class Silent(Toy):
    name = "silent"
    category = Category.AVAILABILITY
    scope = Scope.NODE
    reads = (Read("exporter_up"),)
    yields_to = ("code",)
    yields_within_seconds = 600.0
    Params = Critical

    def judge(self, window: Window) -> Verdicts:
        up = window.now.node_column("exporter_up")
        return judged(up == 0, up)


@dataclass
class Site:
    """A fleet whose readings are set by hand, polled every 15 s."""

    nodes: int = 2
    gpus: int = 8
    job: str = ""
    rules: tuple[type[Rule], ...] = (Brake, Hot, Code, Silent)
    memory: Memory = field(default_factory=lambda: Memory("c"))
    now: float = 1_000_000.0

    def __post_init__(self) -> None:
        self.fleet = Fleet("c")
        for node in range(1, self.nodes + 1):
            for gpu in range(self.gpus):
                name = f"n{node}"
                self.fleet.add(Gpu(name, f"GPU-{name}-{gpu}", index=gpu, model="H100"))
        self.bits: dict[int, float] = {}
        self.heat: dict[int, float] = {}
        self.down: set[int] = set()
        self.lost: set[int] = set()
        self.xids: list[tuple[int, int]] = []
        self.energy_offset: dict[int, float] = {}
        self.messages: list[Message] = []
        self.steps: list[Step] = []
        self.engine = self.restarted()
        self.poll()  # a first look at a healthy site, so that nothing is an arrival

    def restarted(self) -> Engine:
        params = [rule.configured({}) for rule in self.rules]
        self.engine = Engine(params, self.memory)
        return self.engine

    def row(self, node: int, gpu: int) -> int:
        return (node - 1) * self.gpus + gpu

    def poll(self, times: int = 1, requests: Iterable[Request] = ()) -> list[Message]:
        """Poll and commit; the messages of these polls."""
        before = len(self.messages)
        for _ in range(times):
            step = self.engine.step(self.snapshot(), tuple(requests))
            requests = ()
            self.engine.committed(step)
            self.steps.append(step)
            self.messages += step.messages
            self.xids = []
            self.now += POLL
        return self.messages[before:]

    def snapshot(self) -> Snapshot:
        rows, fleet = len(self.fleet), self.fleet
        gone = np.array([self._is_gone(row) for row in range(rows)])
        energy = np.full(rows, self.now * 500.0)
        for row, at in self.energy_offset.items():
            energy[row] -= at * 500.0
        columns = {
            "throttle_reasons": self._column(0x4, self.bits),
            "gpu_temperature_celsius": self._column(60, self.heat),
            "energy_joules": energy,
        }
        up = np.array(
            [0.0 if n in self.down else 1.0 for n in range(1, self.nodes + 1)]
        )
        return Snapshot(
            cluster="c",
            at=self.now,
            fleet=fleet,
            columns={name: np.where(gone, np.nan, c) for name, c in columns.items()},
            node_columns={"exporter_up": up},
            sampled_at=np.where(gone, np.nan, self.now),
            xids=Xids(
                np.array([row for row, _ in self.xids], np.int64),
                np.array([code for _, code in self.xids], np.int64),
                np.full(len(self.xids), np.nan),
            ),
            xids_known=~gone,
            jobs=(self.job,) if self.job else (),
            job_of=np.full(rows, 0 if self.job else -1),
        )

    def _is_gone(self, row: int) -> bool:
        return row in self.lost or int(self.fleet.node_of[row]) + 1 in self.down

    def _column(self, normal: float, set_by_hand: Mapping[int, float]) -> np.ndarray:
        column = np.full(len(self.fleet), float(normal))
        for row, value in set_by_hand.items():
            column[row] = value
        return column

    @property
    def open(self) -> list[Incident]:
        return [i for i in self.engine.incidents if i.open]


def said(messages: Iterable[Message]) -> list[str]:
    """`kind reason` of each message, `!` where people are disturbed."""
    return [
        f"{m.kind} {m.reason}{'!' if m.broadcast or m.mention else ''}"
        for m in messages
    ]
