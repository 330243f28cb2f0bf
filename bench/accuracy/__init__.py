"""How well faults are found, and how quietly: gpuwatch beside what sites use today.

    python -m bench accuracy [--seeds N] [--nodes N] [--quick] [--kind NAME]
        [--in-memory] [--output table|json]
    python -m bench accuracy --quiet-days 2000

See docs/accuracy.md.
"""

from bench.accuracy.main import main

__all__ = ["main"]
