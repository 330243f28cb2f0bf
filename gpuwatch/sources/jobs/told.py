"""What a metrics server says about jobs and topology, at one or many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gpuwatch.sources.jobs.roster import Roster

Places = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Told:
    """At one time.

    Args:
        roster: of `jobs.expr`; None = not asked, or it failed.
        throughput: work a second by the name that the series gives the job, "" where
            it gives none.
        places: what nodes share, by node row's name.
    """

    roster: Roster | None = None
    throughput: Mapping[str, float] = field(default_factory=dict)
    places: Places = field(default_factory=dict)


NOTHING = Told()


@dataclass(frozen=True)
class Questions:
    """What there is to ask: PromQL, and labels (empty = nothing)."""

    pairs_expr: str = ""
    node_label: str = ""
    job_labels: Sequence[str] = ()
    throughput_expr: str = ""
    place_labels: Sequence[str] = ()
