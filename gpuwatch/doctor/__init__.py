"""`gpuwatch doctor`: is everything set up, and what can gpuwatch not see?

Each check is a small function that returns findings; `examine` runs them all. Nothing
is changed, nothing is posted, and the store is only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpuwatch.doctor.clusters import clusters
from gpuwatch.doctor.finding import Finding, State
from gpuwatch.doctor.house import configuration, daemon, deadman, installation
from gpuwatch.doctor.slack import slack
from gpuwatch.doctor.store import store
from gpuwatch.settings import Settings

__all__ = ["Finding", "State", "examine"]


def examine(settings: Settings, file: Path | None) -> Iterator[Finding]:
    """All findings, one after the other as they are made.

    `file` is where the settings come from. ConfigError when a rule's own parameters
    are wrong, or a source cannot be built from its settings.
    """
    yield configuration(file)
    yield installation()
    yield from clusters(settings)
    yield from slack(settings.slack)
    yield from store(settings.store)
    yield deadman(settings.deadman)
    yield daemon(settings.web)
