"""Forgetting what is over."""

from __future__ import annotations

import sqlite3
from typing import cast

from sqlalchemy import Connection, and_, delete, or_, select

from gpuwatch.model.condition import State
from gpuwatch.store.schema import (
    conditions,
    events,
    incidents,
    outbox,
    receipts,
    requests,
    silences,
)

_RESOLVED = State.RESOLVED.value
# At most 64 MiB of free pages (4 KiB each) go back to the disk at a time.
_FREE_PAGES = "PRAGMA incremental_vacuum(16384)"


def prune(connection: Connection, before: float) -> int:
    """Delete what ended before that time; how many incidents went.

    With an incident go its story and its resolved conditions; besides, parcels that
    were done with, addresses of cards that nothing refers to, requests that were taken
    up and silences that are over. What is unsent or open stays.
    """
    ended = and_(incidents.c.state == _RESOLVED, incidents.c.resolved_at < before)
    gone = select(incidents.c.id).where(ended)
    connection.execute(delete(events).where(events.c.incident_id.in_(gone)))
    _prune_conditions(connection, before)
    found = connection.execute(delete(incidents).where(ended)).rowcount
    _prune_mail(connection, before)
    connection.execute(delete(requests).where(requests.c.taken_at < before))
    connection.execute(delete(silences).where(silences.c.ends_at < before))
    return found


def shrink(connection: Connection) -> None:
    """Give free pages back (SQLite; PostgreSQL vacuums by itself)."""
    if connection.dialect.name != "sqlite":
        return
    # The pragma frees one page a step, and of sqlite3's ways to run a statement only
    # executescript steps to the end; it ends the open transaction first.
    cursor = cast("sqlite3.Cursor", connection.connection.cursor())
    cursor.executescript(_FREE_PAGES)
    cursor.close()


def _prune_conditions(connection: Connection, before: float) -> None:
    ended = and_(incidents.c.state == _RESOLVED, incidents.c.resolved_at < before)
    gone = select(incidents.c.id).where(ended)
    alone = and_(conditions.c.incident_id == "", conditions.c.resolved_at < before)
    over = or_(alone, conditions.c.incident_id.in_(gone))
    connection.execute(delete(conditions).where(conditions.c.state == _RESOLVED, over))


def _prune_mail(connection: Connection, before: float) -> None:
    connection.execute(delete(outbox).where(outbox.c.ended_at < before))
    connection.execute(
        delete(receipts).where(
            receipts.c.at < before,
            receipts.c.card_id.not_in(select(incidents.c.card_id)),
            receipts.c.card_id.not_in(select(incidents.c.id)),
            receipts.c.card_id.not_in(select(outbox.c.card_id)),
        )
    )
