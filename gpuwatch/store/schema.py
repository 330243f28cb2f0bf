"""The tables. Objects are JSON bodies beside the few columns that queries use.

There are no foreign keys on purpose: news about an incident must be written even where
its parent was pruned, or went with a database file that somebody removed.
Times are Unix seconds. The Alembic migrations must lead to exactly this.
"""

from __future__ import annotations

import re

from sqlalchemy import (
    Boolean,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

_ESCAPED = re.compile(r"\\([\\0])")


class Label(TypeDecorator[str]):
    """Text from strangers: NUL, which PostgreSQL refuses, is kept escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        r"""Escape `\\` and NUL; a lone surrogate becomes `?`."""
        del dialect
        if value is None:
            return None
        whole = value.encode("utf-8", "replace").decode()
        return whole.replace("\\", "\\\\").replace("\0", "\\0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Undo the escaping."""
        del dialect
        if value is None or "\\" not in value:
            return value
        return _ESCAPED.sub(lambda hit: "\0" if hit[1] == "0" else "\\", value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str) -> Column[str]:
    return Column(name, Label, primary_key=True)


def _label(name: str) -> Column[str]:
    return Column(name, Label, nullable=False)


def _time(name: str) -> Column[float]:
    return Column(name, Double, nullable=False)


def _serial() -> Column[int]:
    return Column("id", Integer, primary_key=True, autoincrement=True)


def _row() -> Column[int]:
    return Column("row", Integer, primary_key=True, autoincrement=False)


def _body() -> Column[str]:
    return Column("body", Text, nullable=False)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


incidents = Table(
    "incidents",
    metadata,
    _key("id"),
    _label("cluster"),
    _label("state"),
    _label("card_id"),
    _time("detected_at"),
    Column("resolved_at", Double),
    _body(),
    Index(None, "cluster"),
    Index(None, "state", "detected_at"),
    Index(None, "detected_at"),
    Index(None, "resolved_at"),
)
conditions = Table(
    "conditions",
    metadata,
    _key("cluster"),
    _key("rule"),
    _key("subject"),
    _label("state"),
    _label("incident_id"),
    Column("resolved_at", Double),
    _body(),
    Index(None, "incident_id"),
)
events = Table(
    "events",
    metadata,
    _serial(),
    _label("incident_id"),
    _time("at"),
    _label("fingerprint"),
    _body(),
    UniqueConstraint("incident_id", "fingerprint"),
    sqlite_autoincrement=True,
)
outbox = Table(
    "outbox",
    metadata,
    _serial(),
    _label("message_id"),
    _label("receiver"),
    _label("card_id"),
    _label("kind"),
    _label("state"),
    Column("attempts", Integer, nullable=False),
    _time("at"),
    _time("due_at"),
    Column("ended_at", Double),
    _label("error"),
    _body(),
    UniqueConstraint("message_id", "receiver"),
    Index(None, "state", "card_id", "receiver"),
    Index(None, "ended_at"),
    sqlite_autoincrement=True,
)
receipts = Table(
    "receipts",
    metadata,
    _key("card_id"),
    _key("receiver"),
    _label("channel"),
    _label("ts"),
    _time("at"),
)
gpus = Table(
    "gpus",
    metadata,
    _key("cluster"),
    _row(),
    _label("node"),
    _label("uuid"),
    _label("mig"),
    Column("idx", Integer),
    _label("model"),
    _flag("retired"),
)
# A row below zero is no node of the fleet: only a name that was retired unseen.
nodes = Table(
    "nodes", metadata, _key("cluster"), _row(), _label("name"), _flag("retired")
)
instances = Table(
    "instances",
    metadata,
    _key("cluster"),
    _key("key"),
    _label("instance"),
    _label("node"),
)
kept = Table(
    "kept",
    metadata,
    _key("cluster"),
    _key("rule"),
    _key("name"),
    Column("body", LargeBinary, nullable=False),
)
facts = Table("facts", metadata, _key("cluster"), _key("name"), _body())
requests = Table(
    "requests",
    metadata,
    _serial(),
    _time("at"),
    Column("taken_at", Double),
    _body(),
    Index(None, "taken_at"),
    sqlite_autoincrement=True,
)
silences = Table(
    "silences",
    metadata,
    _key("cluster"),
    _key("id"),
    _time("ends_at"),
    _body(),
    Index(None, "ends_at"),
)
