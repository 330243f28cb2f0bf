"""A source whose history is a list of snapshots in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan


class Taped:
    """Follows `ports.Source`; only the metrics that a plan names are in its answers.

    `asked`: every (start, end, step) that somebody read, with which of `plans`. Times
    before `refuses_before` cannot be read.
    """

    def __init__(
        self, snapshots: Iterable[Snapshot], refuses_before: float = 0.0
    ) -> None:
        self._snapshots = {snapshot.at: snapshot for snapshot in snapshots}
        self._refuses_before = refuses_before
        self.cluster = "train"
        self.asked: list[tuple[float, float, float]] = []
        self.plans: list[Plan] = []

    def read(self, plan: Plan, fleet: Fleet, at: float | None = None) -> Snapshot:
        raise SourceError("", f"only a past: {plan} {fleet} {at}")

    def history(
        self, plan: Plan, fleet: Fleet, start: float, end: float, step: float
    ) -> Iterator[Snapshot]:
        assert fleet.cluster == self.cluster
        self.asked.append((start, end, step))
        self.plans.append(plan)
        if start < self._refuses_before:
            raise SourceError("up", "HTTP 503")
        for number in range(int((end - start) / step + 1e-9) + 1):
            found = self._snapshots.get(start + number * step)
            if found is not None:
                kept = {n: c for n, c in found.columns.items() if n in plan.metrics}
                yield replace(found, columns=kept)

    def close(self) -> None:
        pass
