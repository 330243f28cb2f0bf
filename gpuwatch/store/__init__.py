"""The memory: SQLite by default, PostgreSQL by URL; the same code for both."""

from gpuwatch.store.open import open_store
from gpuwatch.store.repository import SqlStore

__all__ = ["SqlStore", "open_store"]
