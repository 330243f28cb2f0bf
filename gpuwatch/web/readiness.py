"""Is what gpuwatch shows fresh? The answer behind /readyz and the page's banner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gpuwatch.incidents.record import iso
from gpuwatch.model.duration import say_duration
from gpuwatch.model.snapshot import SOURCE
from gpuwatch.web.site import Site, heard_at


@dataclass(frozen=True)
class Laggard:
    """A cluster without a fresh good cycle; `since` in Unix seconds, None = never."""

    cluster: str
    since: float | None
    reason: str


def laggards(site: Site) -> list[Laggard]:
    """Clusters whose last good cycle is three poll intervals old, or never was."""
    views = site.views()
    missing = sorted(set(site.clusters) - set(views))
    late = [Laggard(name, None, "no cycle has finished yet") for name in missing]
    for name, view in sorted(views.items()):
        at = heard_at(view)
        if not at:
            late.append(Laggard(name, None, _why(view.health, "no good cycle yet")))
        elif (age := site.clock() - at) >= site.patience_seconds:
            old = f"the last good cycle ended {say_duration(age)} ago"
            late.append(Laggard(name, at, _why(view.health, old)))
    return late


def _why(health: Any, otherwise: str) -> str:
    told = [
        f"{part}: {why}" for part, why in health.items() if part in (SOURCE, "store")
    ]
    return "; ".join([otherwise, *told])


def readiness(site: Site) -> tuple[bool, dict[str, Any]]:
    """Whether all is fresh, and the JSON that says so or who lags since when."""
    if not site.views() and not site.clusters:
        return False, {"error": "no cycle has finished yet", "clusters": []}
    late = laggards(site)
    if not late:
        return True, {"ready": True}
    names = ", ".join(one.cluster for one in late)
    told = [
        {"cluster": o.cluster, "since": iso(o.since), "reason": o.reason} for o in late
    ]
    return False, {"error": f"no fresh good cycle of {names}", "clusters": told}
