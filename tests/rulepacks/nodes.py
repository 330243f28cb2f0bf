"""A dozen nodes' metrics for a real Prometheus, sound but for one fault a rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gpuwatch.ports import Plan
from gpuwatch.settings import Settings
from gpuwatch.site_rules import custom_queries
from tests.sources.conftest import MakeSite
from tests.sources.tape import LAST, Tape, stamps

MINUTE, HOUR, DAY = 60, 3600, 86_400
AGO = (10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, DAY)
EARLY = sorted(LAST - ago - late for ago in AGO for late in (0, 60))
COUNT = 12
NODES = [f"n{number:02d}" for number in range(COUNT)]


class Nodes:
    """Metrics of twelve nodes; a fault is written for the nodes named in `bad`."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.tape.gpu("n00", 0)

    def put(
        self,
        name: str,
        sound: float,
        bad: Mapping[str, float] | None = None,
        /,
        *,
        rising: Mapping[str, float] | None = None,
        before: Mapping[str, float] | None = None,
        only: Iterable[str] = NODES,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        """One series a node.

        Args:
            name: the metric.
            sound: what it reads, and always did.
            bad: what it reads now on some nodes.
            rising: by how much a second it has risen on some, for five minutes.
            before: what it read until ten minutes ago on some.
            only: nodes that have it.
            labels: besides `instance` and `job`.
        """
        for node in only:
            now = (bad or {}).get(node, sound)
            slope = (rising or {}).get(node, 0.0)
            was = (before or {}).get(node, sound)
            late = [now + slope * (t - stamps()[0]) for t in stamps()]
            values = [was] * len(EARLY) + late
            target = {"instance": f"{node}:9100", "job": "node"}
            self.tape.add(name, values, [*EARLY, *stamps()], **target, **(labels or {}))


def told(
    site: MakeSite, nodes: Nodes, pack: str, **values: str
) -> dict[str, dict[str, float] | None]:
    """What each rule of a pack says: the nodes (or `cluster`) and the value."""
    settings = Settings(rule_packs=({"name": pack, "set": values},))
    plan = Plan(queries=custom_queries(settings))
    seen = site(nodes.tape).read(LAST, plan)
    return {
        name: None
        if answer is None
        else {s.node or s.job or "cluster": round(v, 1) for s, v in answer.items()}
        for name, answer in seen.answers.items()
    }
