"""JSON for programs."""

from __future__ import annotations

import json
from typing import Any

import typer


def print_json(document: dict[str, Any]) -> None:
    """One document on stdout, in ASCII: strangers' labels may hold broken Unicode."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
