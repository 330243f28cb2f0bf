"""What every answer is made from."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from gpuwatch.engine.view import View
from gpuwatch.model.incident import Incident
from gpuwatch.model.rule import Rule
from gpuwatch.ports import Store

Views = Callable[[], Mapping[str, View]]
Rules = Callable[[], Mapping[str, Rule]]
STALE_INTERVALS = 3


@dataclass(frozen=True)
class Site:
    """The live values by cluster, the store, and what counts as fresh.

    `clusters`: those that must have a view for the daemon to be ready; without it
    only the clusters that already have one are known.
    """

    views: Views
    store: Store
    rules: Rules
    poll_interval_seconds: float
    clusters: Collection[str] = ()
    clock: Callable[[], float] = time.time

    @property
    def patience_seconds(self) -> float:
        """A good cycle older than this is old news (design.md section 6: 3 polls)."""
        return STALE_INTERVALS * self.poll_interval_seconds

    def live_incidents(self) -> list[Incident]:
        """Open and lately ended ones of all clusters, newest detection first."""
        found = [i for view in self.views().values() for i in view.incidents]
        return sorted(found, key=lambda i: (-i.detected_at, i.id))


def heard_at(view: View) -> float:
    """When the last good cycle ended; 0 = never."""
    return view.heard_at or view.good_at
