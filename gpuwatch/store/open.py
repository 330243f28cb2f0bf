"""Opening a store by its URL."""

from __future__ import annotations

from gpuwatch.store.database import Database
from gpuwatch.store.place import find_place
from gpuwatch.store.repository import SqlStore


def open_store(
    url: str,
    *,
    create: bool,
    exclusive: bool = True,
    busy_timeout_seconds: float = 5.0,
) -> SqlStore:
    """Open the store at `sqlite:////path` or `postgresql://user@host/database`.

    Args:
        url: see above.
        create: make the folder and the file, and migrate (only `gpuwatch run` may).
            Without it, a store that is missing or has another schema is an error.
        exclusive: be the only one; another daemon gets StoreError with our pid. The
            other commands pass False, since the daemon may be running.
        busy_timeout_seconds: how long a writer waits for somebody else's lock.

    Raises:
        StoreError: permanent, unless waiting may help.
    """
    database = Database(
        find_place(url),
        create=create,
        exclusive=exclusive,
        busy_seconds=busy_timeout_seconds,
    )
    database.open()
    return SqlStore(database)
