"""What becomes of findings when jobs come, go on and end."""

from __future__ import annotations

from dataclasses import replace

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.kinship import is_of_job
from gpuwatch.incidents.lifecycle import close
from gpuwatch.incidents.scene import Scene
from gpuwatch.model.condition import Condition, Ending, State
from gpuwatch.model.verdict import Verdict

# A job that nobody has known for so long has ended, and what was found of it with it.
ENDED_SECONDS = 600.0


def employ(book: Book, scene: Scene) -> None:
    """Note for whom every GPU and node works; what is not known any more stays."""
    for condition in list(book.conditions.values()):
        if condition.state is State.RESOLVED or not condition.subject.node:
            continue
        jobs = scene.jobs(condition.subject)
        if jobs and jobs != condition.jobs:
            book.put(replace(condition, jobs=jobs))


def end_with_jobs(book: Book, scene: Scene, now: float) -> None:
    """A finding about a job ends with the job; that is no recovery."""
    for condition in list(book.conditions.values()):
        if condition.state is State.FIRING and is_of_job(condition):
            since = condition.unknown_since
            long = since is not None and now - since >= ENDED_SECONDS
            if long and scene.has_ended(condition.subject.job):
                _end(book, condition, now)


def _end(book: Book, condition: Condition, now: float) -> None:
    ended, _ = close(condition, now, Ending.EXPIRED)
    if ended is not None:
        book.put(ended)


def release(book: Book) -> None:
    """A job that is as bad as ever when its culprit has recovered has another cause."""
    for incident in book.open_incidents():
        conditions = book.of(incident.id)
        firing = [c for c in conditions if c.state is State.FIRING]
        culprits = [c for c in conditions if not is_of_job(c)]
        if not culprits or not firing or not all(is_of_job(c) for c in firing):
            continue
        for condition in firing:
            if condition.last_verdict is Verdict.FIRING:
                book.assign(condition, "")
