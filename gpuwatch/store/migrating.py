"""Schema versions: Alembic, configured in code, its scripts inside the package."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from gpuwatch.errors import StoreError
from gpuwatch.store.place import Place
from gpuwatch.store.schema import metadata

_SCRIPTS = Path(__file__).with_name("migrations")
# Two daemons that start at once must not both migrate (key: the bytes "gpuwatch").
_ALONE = text("SELECT pg_advisory_xact_lock(7453010373645639016)")


def ensure_schema(connection: Connection, place: Place, *, create: bool) -> None:
    """Bring the schema to this version (create), or only check that it is there.

    Runs in the caller's transaction. StoreError (permanent) when the schema is newer,
    missing, or somebody else's tables are in the way.
    """
    if create and connection.dialect.name == "postgresql":
        connection.execute(_ALONE)
    stored = MigrationContext.configure(connection).get_current_revision()
    head = head_revision()
    if stored == head:
        return
    _refuse_newer(place, stored, head)
    if not create:
        raise _not_ready(place, stored, head)
    if stored is None:
        _refuse_foreign(connection, place)
    migrate(connection)


def migrate(connection: Connection, revision: str = "head") -> None:
    """Run the migrations up to a revision, in the connection's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def head_revision() -> str:
    """The newest schema that this code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(place: Place, stored: str | None, head: str) -> None:
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    if stored is None or stored in {script.revision for script in scripts}:
        return
    raise StoreError(
        f"{place.shown} was written by a newer gpuwatch (schema {stored}, this one "
        f"knows {head}); upgrade gpuwatch, or give it another store.url",
        permanent=True,
    )


def _not_ready(place: Place, stored: str | None, head: str) -> StoreError:
    found = f"schema {stored}, needs {head}" if stored else "no gpuwatch tables in it"
    return StoreError(
        f"{place.shown} is not ready ({found}); start `gpuwatch run` once",
        permanent=True,
    )


def _refuse_foreign(connection: Connection, place: Place) -> None:
    names = set(inspect(connection).get_table_names())
    foreign = names if place.path else names & set(metadata.tables)
    if foreign:
        raise StoreError(
            f"{place.shown} belongs to another program (it has a table "
            f"{min(foreign)!r}); give gpuwatch its own store.url",
            permanent=True,
        )
