"""One step into the tables. Writing the same step twice changes nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection, bindparam, delete, update

from gpuwatch.engine.step import Step
from gpuwatch.model.condition import Condition
from gpuwatch.model.incident import Event, Incident
from gpuwatch.store import bodies, schema
from gpuwatch.store.writing import Row, insert_new, upsert


def write_step(connection: Connection, step: Step, receivers: Sequence[str]) -> None:
    """Everything of a step but its fleet, in the caller's transaction."""
    _write_conditions(connection, step)
    upsert(connection, schema.incidents, [_incident(i) for i in step.incidents])
    insert_new(connection, schema.events, [_event(e) for e in step.events])
    _write_memory(connection, step)
    _mark_taken(connection, step)
    insert_new(connection, schema.outbox, _parcels(step, receivers))


def _write_conditions(connection: Connection, step: Step) -> None:
    rows, gone = [], []
    for (rule, subject), condition in step.conditions.items():
        key = {
            "cluster": step.cluster,
            "rule": rule,
            "subject": bodies.short(subject.key),
        }
        if condition is None:
            gone.append({f"old_{name}": value for name, value in key.items()})
        else:
            rows.append({**key, **_condition(condition)})
    upsert(connection, schema.conditions, rows)
    if gone:
        connection.execute(_FORGET_CONDITION, gone)


_FORGET_CONDITION = delete(schema.conditions).where(
    schema.conditions.c.cluster == bindparam("old_cluster"),
    schema.conditions.c.rule == bindparam("old_rule"),
    schema.conditions.c.subject == bindparam("old_subject"),
)


def _condition(condition: Condition) -> Row:
    return {
        "state": condition.state.value,
        "incident_id": condition.incident_id,
        "resolved_at": condition.resolved_at,
        "body": bodies.dump(condition),
    }


def _incident(incident: Incident) -> Row:
    clean = bodies.finite(incident)
    return {
        "id": clean.id,
        "cluster": clean.cluster,
        "state": clean.state.value,
        "card_id": clean.card_id,
        "detected_at": clean.detected_at,
        "resolved_at": clean.resolved_at,
        "body": bodies.dump(clean),
    }


def _event(event: Event) -> Row:
    body = bodies.dump(event)
    return {
        "incident_id": event.incident_id,
        "at": event.at,
        "fingerprint": sha256(body.encode()).hexdigest(),
        "body": body,
    }


def _write_memory(connection: Connection, step: Step) -> None:
    cluster = step.cluster
    kept = [
        {"cluster": cluster, "rule": rule, "name": name, "body": bodies.pack(column)}
        for (rule, name), column in step.kept.items()
    ]
    facts = [
        {"cluster": cluster, "name": name, "body": bodies.dump_json(name, value)}
        for name, value in step.facts.items()
    ]
    silences = [
        {
            "cluster": cluster,
            "id": silence.id,
            "ends_at": bodies.finite(silence).ends_at,
            "body": bodies.dump(silence),
        }
        for silence in step.silences
    ]
    upsert(connection, schema.kept, kept)
    upsert(connection, schema.facts, facts)
    upsert(connection, schema.silences, silences)


_TAKE = (
    update(schema.requests)
    .where(
        schema.requests.c.id == bindparam("taken_id"),
        schema.requests.c.taken_at.is_(None),
    )
    .values(taken_at=bindparam("now"))
)


def _mark_taken(connection: Connection, step: Step) -> None:
    if step.taken:
        taken = [{"taken_id": number, "now": step.at} for number in step.taken]
        connection.execute(_TAKE, taken)


def _parcels(step: Step, receivers: Sequence[str]) -> list[Row]:
    # due_at 0: at once, whatever the difference between the two clocks.
    return [
        {
            "message_id": message.id,
            "receiver": receiver,
            "card_id": message.card_id,
            "kind": message.kind.value,
            "state": "queued",
            "attempts": 0,
            "at": message.at,
            "due_at": 0.0,
            "error": "",
            "body": bodies.dump(message),
        }
        for message in step.messages
        for receiver in receivers
    ]
