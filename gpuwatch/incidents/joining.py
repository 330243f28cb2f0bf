"""Several incidents become one: the first told survives, the others point there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpuwatch.incidents.book import Book
from gpuwatch.model.condition import Ending, State
from gpuwatch.model.incident import EventKind, Incident


def join(book: Book, homes: Sequence[Incident], lead: str, now: float) -> str:
    """The id of the one that is left, headed by the rule `lead` from now on."""
    survivor, *others = sorted(
        homes, key=lambda i: (i.told is None, i.detected_at, i.started_at, i.id)
    )
    if survivor.lead != lead:
        book.incidents[survivor.id] = replace(survivor, lead=lead)
    absorb(book, survivor.id, others, now)
    return survivor.id


def absorb(book: Book, survivor: str, others: Sequence[Incident], now: float) -> None:
    """End `others` as part of `survivor`; their conditions move over."""
    for other in others:
        for condition in book.of(other.id):
            book.assign(condition, survivor)
        ended = replace(
            other, state=State.RESOLVED, ending=Ending.ABSORBED,
            merged_into=survivor, resolved_at=now, updated_at=now,
        )  # fmt: skip
        book.incidents[other.id] = ended
        book.note(other.id, now, EventKind.ABSORBED, f"part of {survivor}")
        book.touched.add(other.id)
