"""Query answers as arrays, whether for one time or for many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from gc import disable as pause_gc
from gc import enable as resume_gc
from gc import isenabled as gc_runs

import numpy as np
from numpy.typing import NDArray

Labels = Mapping[str, str]
Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Series side by side: labels, and float64[steps, series]; NaN = no sample."""

    labels: Sequence[Labels]
    values: Matrix

    @classmethod
    def empty(cls, steps: int) -> Block:
        """No series at all."""
        return cls((), np.empty((steps, 0)))

    @classmethod
    def single(cls, samples: Iterable[tuple[Labels, float]]) -> Block:
        """The answer for one time."""
        pairs = list(samples)
        values = np.array([value for _, value in pairs], np.float64)
        return cls([labels for labels, _ in pairs], values[None, :])

    @classmethod
    def joined(cls, blocks: Sequence[Block], steps: int) -> Block:
        """All series of several answers for the same times."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.empty(steps)
        labels = [one for block in blocks for one in block.labels]
        return cls(labels, np.concatenate([b.values for b in blocks], axis=1))

    def picked(self, keep: Flags) -> Block:
        """Only the series that `keep` marks, bool[series]."""
        if keep.all():
            return self
        chosen: list[int] = np.flatnonzero(keep).tolist()
        return Block([self.labels[i] for i in chosen], self.values[:, chosen])

    def __len__(self) -> int:
        return len(self.labels)


def ever(flags: Flags) -> Flags:
    """Whether it was so at any step, bool[n] of bool[steps, n]."""
    found: Flags = np.logical_or.reduce(flags, axis=0)
    return found


def always(flags: Flags) -> Flags:
    """Whether it was so at every step, bool[n] of bool[steps, n]."""
    found: Flags = np.logical_and.reduce(flags, axis=0)
    return found


def scatter_max(target: Matrix, rows: Indices, values: Matrix) -> None:
    """Put values[steps, n] into target[:, rows]; the largest wins, NaN never does."""
    if len(rows) == 0:
        return
    if np.bincount(rows).max() == 1:
        target[:, rows] = np.fmax(target[:, rows], values)
    else:
        np.fmax.at(target.T, rows, values.T)


@contextmanager
def gc_paused() -> Iterator[None]:
    """No garbage collection while millions of small objects come and go.

    The answers hold no cycles; at 100,000 GPUs the collector would walk them again
    and again and double the time of decoding.
    """
    if not gc_runs():
        yield
        return
    pause_gc()
    try:
        yield
    finally:
        resume_gc()
