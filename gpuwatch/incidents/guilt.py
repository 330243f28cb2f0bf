"""Who is meant by an incident, and who only waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.kinship import is_of_job
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.identity import Subject
from gpuwatch.model.incident import Member
from gpuwatch.model.severity import Severity


def meant(book: Book, conditions: Sequence[Condition]) -> Sequence[Condition]:
    """Those of one incident's conditions that nothing else in it explains.

    What is found of a job is about nobody in particular; a note beside something
    louder makes no member, unless the louder thing is at its very place.
    """
    placed = [c for c in conditions if c.subject.node]
    found = [c for c in placed if not book.is_explained(c)] or placed
    loud = [c.subject.place for c in conditions if c.severity > Severity.INFO]
    at_loud = set(loud)
    if not any(place.node for place in loud):
        return found
    return [
        c for c in found if c.severity > Severity.INFO or c.subject.place in at_loud
    ]


def members(scene: Scene, conditions: Sequence[Condition]) -> tuple[Member, ...]:
    """Their GPUs and nodes, by node and slot."""
    found = (scene.member(c.subject) for c in conditions)
    unique = dict.fromkeys(member for member in found if member is not None)
    return tuple(sorted(unique, key=lambda m: (m.node, m.gpu or 0, m.uuid or "")))


def culprits(book: Book) -> Mapping[str, Sequence[Subject]]:
    """By job all that hold it up, in whatever open incident: nobody's victims."""
    found: dict[str, list[Subject]] = defaultdict(list)
    for condition in book.conditions.values():
        rule = book.rules.get(condition.rule)
        if rule is None or not rule.slows_job or is_of_job(condition):
            continue
        if condition.state is not State.FIRING or not book.is_housed(condition):
            continue
        if condition.jobs and not book.is_explained(condition):
            for job in condition.jobs:
                found[job].append(condition.subject)
    return found
