"""Alembic's scripts, which travel inside the package."""
