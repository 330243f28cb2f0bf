"""A site whose findings are said by hand, so that only attribution is tested.

Rules answer what a test put into `Site.says`; one poll is enough to fire.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from gpuwatch.engine.engine import Engine
from gpuwatch.engine.step import Memory
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.incident import Incident
from gpuwatch.model.message import Message
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Scope, Severity
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

POLL = 15.0
INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL
CAUSES = ("heat", "brake", "code", "setting", "gone")


@dataclass(frozen=True)
class Said:
    severity: Severity
    evidence: Mapping[str, float] = field(default_factory=dict)


class SaidRule(Rule):
    """Says what it is told to say."""

    class Params(RuleParams):
        hold: float = 0.0
        keep_firing: float = 60.0

    samples = (1, 1)
    boot_grace = False

    def __init__(self, params: RuleParams) -> None:
        super().__init__(params)
        self.says: dict[Subject, Said] = {}
        self.forgets = False  # what is not said is UNKNOWN, not CLEAR

    def judge(self, window: Window) -> Verdicts:
        # the cluster is a witness that it judges: nothing said later is an arrival
        said = [*self.says.values(), Said(INFO)]
        names = sorted({name for one in said for name in one.evidence})
        return Verdicts(
            firing=np.arange(len(said)) < len(self.says),
            known=np.ones(len(said), bool),
            subjects=(*self.says, Subject(window.now.cluster)),
            severity=np.array([one.severity for one in said], np.int64),
            evidence={
                name: np.array([one.evidence.get(name, np.nan) for one in said])
                for name in names
            },
            elsewhere=not self.forgets,
        )

    def explain(self, finding: Finding) -> Words:
        return Words(self.name, f"mend {finding.subject.node}")


class Heat(SaidRule):
    name, category, slows_job = "heat", Category.THERMAL, True


class Warm(SaidRule):
    name, category, yields_to = "warm", Category.THERMAL, ("heat",)


class Brake(SaidRule):
    name, category, slows_job = "brake", Category.POWER, True


class Code(SaidRule):
    name, category = "code", Category.XID


class Setting(SaidRule):
    class Params(SaidRule.Params):
        severity: Severity = INFO

    name, category = "setting", Category.POWER


class Gone(SaidRule):
    name, category, slows_job = "gone", Category.AVAILABILITY, True


class Ecc(SaidRule):
    name, category, yields_to = "ecc", Category.MEMORY, ("code",)


class Late(SaidRule):
    """A straggler: a symptom of whatever hard evidence its GPU has."""

    name, category, slows_job, symptom = "late", Category.STRAGGLER, True, True
    yields_to: ClassVar[tuple[str, ...]] = CAUSES

    def suffers(self, evidence: Mapping[str, float]) -> bool:
        return evidence.get("starved", 0.0) == 1.0


class Drop(SaidRule):
    """The job's own measure."""

    name, category, scope = "drop", Category.JOB, Scope.JOB
    yields_to = ("late", *CAUSES)


class Slow(SaidRule):
    name, category, scope = "slow", Category.JOB, Scope.JOB
    yields_to = ("late", "drop", *CAUSES)


RULES: tuple[type[SaidRule], ...] = (
    Heat, Warm, Brake, Code, Setting, Gone, Ecc, Late, Drop, Slow,
)  # fmt: skip


@dataclass
class Site:
    """12 nodes x 8 GPUs, one job "J" on the first eight, "K" on the others."""

    nodes: int = 12
    gpus: int = 8
    jobs: Mapping[str, Sequence[int]] = field(
        default_factory=lambda: {"J": range(1, 9), "K": range(9, 13)}
    )
    racks: Mapping[str, Sequence[int]] = field(default_factory=dict)
    params: Mapping[str, dict[str, object]] = field(default_factory=dict)
    now: float = 1_000_000.0
    polls_seconds: ClassVar[float] = POLL

    def __post_init__(self) -> None:
        self.fleet = Fleet("c")
        for n in range(1, self.nodes + 1):
            for g in range(self.gpus):
                self.fleet.add(Gpu(f"n{n}", f"GPU-{n}-{g}", index=g, model="H100"))
        self.lost: set[int] = set()
        self.health: dict[str, str] = {}
        self.messages: list[Message] = []
        self.notes: list[str] = []
        self.memory = Memory("c")
        self.begin(RULES)
        self.poll()

    def begin(self, rules: Sequence[type[SaidRule]]) -> None:
        """Start an engine on what is remembered, with these rules."""
        made = [r(r.Params(**self.params.get(r.name, {}))) for r in rules]
        self.rules = {rule.name: rule for rule in made}
        self.engine = Engine(made, self.memory)

    def gpu(self, node: int, gpu: int) -> Subject:
        return self.fleet.subject((node - 1) * self.gpus + gpu)

    def node(self, node: int) -> Subject:
        return Subject("c", f"n{node}")

    @staticmethod
    def job(name: str) -> Subject:
        return Subject("c", job=name)

    def say(
        self, rule: str, subject: Subject, severity: Severity = CRITICAL, **so: float
    ) -> None:
        self.rules[rule].says[subject] = Said(severity, so)

    def unsay(self, rule: str, subject: Subject) -> None:
        del self.rules[rule].says[subject]

    def says_nothing(self) -> None:
        """Nothing is found any more."""
        for rule in self.rules.values():
            rule.says.clear()

    def poll(self, times: int = 1) -> list[Message]:
        """Poll and commit; the messages of these polls."""
        before = len(self.messages)
        for _ in range(times):
            step = self.engine.step(self.snapshot())
            self.engine.committed(step)
            self.messages += step.messages
            self.notes += step.notes
            self.now += POLL
        return self.messages[before:]

    def snapshot(self) -> Snapshot:
        rows = len(self.fleet)
        gone = np.isin(np.arange(rows), list(self.lost))
        names = tuple(self.jobs)
        job_of = np.full(rows, -1)
        for number, nodes in enumerate(self.jobs.values()):
            job_of[np.isin(self.fleet.node_of, [n - 1 for n in nodes])] = number
        places = {f"n{n}": {"rack": r} for r, many in self.racks.items() for n in many}
        return Snapshot(
            cluster="c",
            at=self.now,
            fleet=self.fleet,
            columns={"energy_joules": np.full(rows, self.now * 500.0)},
            sampled_at=np.where(gone, np.nan, self.now),
            job_of=np.where(gone, -1, job_of),
            jobs=names,
            job_source="labels",
            places=places,
            health=self.health,
        )

    @property
    def open(self) -> list[Incident]:
        found = (i for i in self.engine.incidents if i.open)
        return sorted(found, key=lambda i: (i.detected_at, i.lead))
