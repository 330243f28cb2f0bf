"""History read in a process of its own, one chunk ahead of the judging.

Decoding and judging are Python of about equal length, so two cores halve the time; and
while one chunk is judged, the server already works on the next.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from gpuwatch.backtest.stretch import Stretch
from gpuwatch.errors import SourceError
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.ports import Plan
from gpuwatch.settings import Settings
from gpuwatch.sources import prometheus_source

BATCH_VALUES = 4_000_000
BATCHES_AHEAD = 2
PATIENCE_SECONDS = 0.5
STOP_SECONDS = 5.0
ORPHAN_SECONDS = 5.0


@dataclass(frozen=True)
class Errand:
    """What to read of one cluster (its place in the settings), warm-up included."""

    settings: Settings
    cluster: int
    plan: Plan
    stretch: Stretch

    def read(self) -> Generator[Snapshot, None, None]:
        """Here and now; SourceError when it cannot be."""
        cluster = self.settings.prometheus[self.cluster]
        source = prometheus_source(cluster, self.settings)
        fleet, when = Fleet(source.cluster), self.stretch
        try:
            yield from source.history(self.plan, fleet, when.begin, when.end, when.step)
        finally:
            source.close()


def read_ahead(errand: Errand) -> Generator[Snapshot, None, None]:
    """The errand's snapshots, read by another process. Close it to end that early."""
    context = multiprocessing.get_context("spawn")
    batches = context.Queue(BATCHES_AHEAD)
    reader = context.Process(target=_read, args=(errand, batches), daemon=True)
    reader.start()
    try:
        while (batch := next_batch(batches, reader)) is not None:
            yield from batch
    finally:
        reader.terminate()
        reader.join(STOP_SECONDS)
        batches.close()
        batches.join_thread()


def next_batch(batches: Any, reader: Any) -> list[Snapshot] | None:
    """The next batch, None after the last; SourceError for what went wrong there."""
    while True:
        try:
            found = batches.get(timeout=PATIENCE_SECONDS)
        except queue.Empty:
            if reader.is_alive():
                continue
            reason = f"the reading process ended with {reader.exitcode}"
            raise SourceError("history", f"{reason}; is memory short?") from None
        if isinstance(found, tuple):
            raise SourceError(*found)
        batch: list[Snapshot] | None = found
        return batch


def _read(errand: Errand, batches: Any) -> None:
    """In the reading process; Ctrl-C is the judging one's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for batch in _batched(errand.read()):
            _put(batches, batch)
        _put(batches, None)
    except SourceError as error:
        _put(batches, (error.query, error.reason))


def _put(batches: Any, found: object) -> None:
    """Wait for room; an orphan, which nobody reads any more, ends."""
    while True:
        try:
            batches.put(found, timeout=ORPHAN_SECONDS)
        except queue.Full:
            parent = multiprocessing.parent_process()
            if parent is None or not parent.is_alive():
                batches.cancel_join_thread()
                raise SystemExit(1) from None
        else:
            return


def _batched(snapshots: Iterable[Snapshot]) -> Iterator[list[Snapshot]]:
    """Lists of about `BATCH_VALUES` values each."""
    ahead = iter(snapshots)
    while (first := next(ahead, None)) is not None:
        values = max(1, first.rows * (len(first.columns) + 1))
        yield list(islice(chain((first,), ahead), max(1, BATCH_VALUES // values)))
