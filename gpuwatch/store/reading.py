"""What an engine gets back after a restart, and what people look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, CursorResult, Table, insert, select

from gpuwatch.engine.step import Memory
from gpuwatch.model.condition import Condition, State
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.request import Request
from gpuwatch.model.silence import Silence
from gpuwatch.store import bodies, schema


def read_memory(connection: Connection, cluster: str) -> Memory:
    """All that was committed for one cluster, but its fleet."""
    conditions = [
        bodies.load(Condition, row.body)
        for row in _bodies(connection, schema.conditions, cluster)
    ]
    found = [
        bodies.load(Incident, row.body)
        for row in _bodies(connection, schema.incidents, cluster)
    ]
    silences = [
        bodies.load(Silence, row.body)
        for row in _bodies(connection, schema.silences, cluster)
    ]
    return Memory(
        cluster,
        conditions={condition.key: condition for condition in conditions},
        incidents={incident.id: incident for incident in found},
        kept={
            (row.rule, row.name): bodies.unpack(f"{row.rule}.{row.name}", row.body)
            for row in _bodies(connection, schema.kept, cluster)
        },
        facts={
            row.name: bodies.load_json(row.name, row.body)
            for row in _bodies(connection, schema.facts, cluster)
        },
        silences={silence.id: silence for silence in silences},
    )


def requests(connection: Connection) -> list[Request]:
    """Those that no cycle has taken up, in the order in which they were asked."""
    c = schema.requests.c
    rows = connection.execute(
        select(c.id, c.body).where(c.taken_at.is_(None)).order_by(c.id)
    )
    return [replace(bodies.load(Request, row.body), id=row.id) for row in rows]


def ask(connection: Connection, request: Request) -> int:
    """Append one; its id."""
    row = {"at": request.at, "taken_at": None, "body": bodies.dump(request)}
    statement = insert(schema.requests).values(row).returning(schema.requests.c.id)
    number: int = connection.execute(statement).scalar_one()
    return number


def incidents(connection: Connection, *, open_only: bool, limit: int) -> list[Incident]:
    """The newest by detection, of all clusters."""
    c = schema.incidents.c
    query = select(c.body).order_by(c.detected_at.desc(), c.id).limit(limit)
    if open_only:
        query = query.where(c.state == State.FIRING.value)
    return [bodies.load(Incident, row.body) for row in connection.execute(query)]


def incident(connection: Connection, incident_id: str) -> Incident | None:
    """One of them."""
    c = schema.incidents.c
    row = connection.execute(select(c.body).where(c.id == incident_id)).first()
    return bodies.load(Incident, row.body) if row else None


def story(connection: Connection, incident_id: str) -> list[Event]:
    """Its events by time, then in the order in which they were written."""
    c = schema.events.c
    rows = connection.execute(
        select(c.body).where(c.incident_id == incident_id).order_by(c.at, c.id)
    )
    return [bodies.load(Event, row.body) for row in rows]


def _bodies(connection: Connection, table: Table, cluster: str) -> CursorResult[Any]:
    return connection.execute(select(table).where(table.c.cluster == cluster))
