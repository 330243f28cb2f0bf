"""The command line: thin commands, loaded when they are called."""

from __future__ import annotations

from gpuwatch.cli.main import main

__all__ = ["main"]
