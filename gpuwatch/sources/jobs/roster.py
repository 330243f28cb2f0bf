"""What some authority says about who holds which nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Claim:
    """A job holds a node, or some GPUs of it.

    Args:
        gpus: their indices; None = not told.
        count: how many; None = not told (the job may need no GPU at all).
    """

    job: str
    node: str
    gpus: frozenset[int] | None = None
    count: int | None = None


@dataclass(frozen=True)
class Roster:
    """All claims at one time.

    Args:
        numbers: the job by any other number that it goes by (an array task's own id).
        names: the job by its name, where no other job has that name.
        unreadable: jobs whose nodes could not be made out.
        completing: jobs that have ended and still hold their nodes.
    """

    claims: tuple[Claim, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    unreadable: int = 0
    completing: int = 0

    @cached_property
    def jobs(self) -> frozenset[str]:
        """All that hold a node."""
        return frozenset(claim.job for claim in self.claims)

    @cached_property
    def other_numbers(self) -> Mapping[str, tuple[str, ...]]:
        """`numbers` the other way round."""
        found: dict[str, tuple[str, ...]] = {}
        for number, job in self.numbers.items():
            found[job] = (*found.get(job, ()), number)
        return found
