"""One look at every cluster: the engine without a memory, as `check` uses it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gpuwatch.app import Core, build_core, build_sources
from gpuwatch.cycle import look_back_at
from gpuwatch.engine.engine import Coverage
from gpuwatch.errors import SourceError
from gpuwatch.model.incident import Incident
from gpuwatch.model.rule import Rule
from gpuwatch.model.severity import Category, Severity
from gpuwatch.settings import Settings
from gpuwatch.site_rules import configured_rules

# design.md section 6: without any rule of one of these, green would be a lie.
EYES: Mapping[str, frozenset[Category]] = {
    "clocks and heat": frozenset({Category.THERMAL, Category.POWER}),
    "memory": frozenset({Category.MEMORY}),
    "XID": frozenset({Category.XID}),
    "presence": frozenset({Category.AVAILABILITY}),
}


@dataclass(frozen=True)
class Look:
    """What one look at one cluster found.

    `blind_reason`: why it could not be read at all. `blind_categories`: kinds of
    trouble that no rule could judge.
    """

    cluster: str
    at: float
    rules: Mapping[str, Rule]
    incidents: Sequence[Incident] = ()
    coverage: Coverage = field(default_factory=Coverage)
    gpus: int = 0
    gpus_present: int = 0
    nodes: int = 0
    blind_reason: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def open_incidents(self) -> Sequence[Incident]:
        """Firing ones, the worst first."""
        still = [incident for incident in self.incidents if incident.open]
        return sorted(still, key=lambda i: (-i.severity, i.started_at))

    @property
    def alarming(self) -> bool:
        """Whether anything of warning or above is firing."""
        return any(i.severity >= Severity.WARNING for i in self.open_incidents)

    @property
    def blind_categories(self) -> Sequence[str]:
        """Kinds of trouble that nobody could judge."""
        seeing = {
            self.rules[name].category
            for name, known in self.coverage.known.items()
            if known and name in self.rules
        }
        return [name for name, needed in EYES.items() if not needed & seeing]

    @property
    def complaints(self) -> Sequence[str]:
        """What could not be seen, a line each."""
        if self.blind_reason:
            return [f"{self.cluster}: blind: {self.blind_reason}"]
        missing = [
            f"{self.cluster}: {rule} sees nothing: no {', '.join(metrics)}"
            for rule, metrics in self.coverage.missing.items()
        ]
        failed = [
            f"{self.cluster}: {what} failed: {why}"
            for what, why in {**self.coverage.failed, **self.unread}.items()
        ]
        eyes = [f"{self.cluster}: blind for {name}" for name in self.blind_categories]
        return [*eyes, *failed, *missing]


def look_once(settings: Settings) -> list[Look]:
    """One look at each cluster of the settings."""
    looks = []
    for source in build_sources(settings):
        rules = configured_rules(settings)
        core = build_core(source, settings, rules)
        try:
            looks.append(_look(core))
        except SourceError as error:
            looks.append(_blind(core, str(error)))
        finally:
            source.close()
    return looks


def _look(core: Core) -> Look:
    look_back_at(core.source, core.engine, core.plan, core.fleet)
    snapshot = core.source.read(core.plan, core.fleet)
    step = core.engine.step(snapshot)
    core.engine.committed(step)
    return Look(
        cluster=snapshot.cluster,
        at=snapshot.at,
        rules=core.engine.rules,
        incidents=core.engine.incidents,
        coverage=core.engine.coverage,
        gpus=len(core.fleet),
        gpus_present=int(snapshot.present.sum()),
        nodes=len(core.fleet.nodes),
        blind_reason="" if len(core.fleet) else "no GPU series found",
        unread=snapshot.unread,
        dropped=snapshot.dropped,
    )


def _blind(core: Core, reason: str) -> Look:
    cluster = core.source.cluster
    return Look(cluster, time.time(), core.engine.rules, blind_reason=reason)
