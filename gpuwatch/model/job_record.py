"""What is remembered of one job's throughput, and how it is packed into a column.

One kept column holds all jobs, one after the other, `WIDTH` numbers each: a number
that stands for the job's name, five facts, and its last forty samples, newest last.
So it goes through the store, and through a restart, like any other kept column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from hashlib import blake2b

import numpy as np

from gpuwatch.model.snapshot import Column

SAMPLES = 40
SPACING_SECONDS = 45.0
FEWEST_SAMPLES = 10
FORGET_SECONDS = 86_400.0
LONGEST_STEP_SECONDS = 150.0
NORMAL_MAD = 1.4826
NOISE_FACTOR = 3.0
FACTS = 5
WIDTH = 1 + FACTS + SAMPLES
NEVER = float("nan")


@dataclass(frozen=True)
class Facts:
    """Times are Unix seconds, NaN = never; `low_since`: NaN = it is not low."""

    seen_at: float = NEVER
    sampled_at: float = NEVER
    low_since: float = NEVER
    dipped_at: float = NEVER
    lost_gpu_seconds: float = 0.0


@dataclass(frozen=True)
class Sight:
    """One job in one cycle.

    Args:
        value: its work a second.
        gpus: how many it holds.
        at_stride: its GPUs work as usual, as far as anybody can tell.
        dipped: they have all stopped together, as for a checkpoint.
    """

    at: float
    value: float
    gpus: int
    at_stride: bool = True
    dipped: bool = False


@dataclass(frozen=True)
class Record:
    """A job's memory; `samples`: float64[n], at its stride, 45 s apart, newest last."""

    facts: Facts
    samples: Column

    @classmethod
    def blank(cls) -> Record:
        """Of a job never seen."""
        return cls(Facts(), np.empty(0))

    @property
    def expected(self) -> float:
        """The median of the last half hour at its stride; NaN with too few samples."""
        if len(self.samples) < FEWEST_SAMPLES:
            return NEVER
        return float(np.median(self.samples))

    def lowest(self, drop: float) -> float:
        """What is still as usual: not `drop` (0-1) below, nor outside its own noise.

        NaN while too little is known.
        """
        usual = self.expected
        if np.isnan(usual):
            return NEVER
        noise = NORMAL_MAD * float(np.median(np.abs(self.samples - usual)))
        return min(usual * (1 - drop), usual - NOISE_FACTOR * noise)

    def after(self, sight: Sight, drop: float, pause_seconds: float) -> Record:
        """One reading later: either it is low, or it may be learned from.

        It is low until it is back by half of the drop: one lucky reading is no end.
        """
        facts, usual = self.facts, self.expected
        began = facts.low_since
        dipped_at = facts.dipped_at
        if sight.dipped and not sight.at - began > pause_seconds:
            dipped_at = sight.at
        seen = replace(facts, seen_at=sight.at, dipped_at=dipped_at)
        limit = self.lowest(drop) if np.isnan(began) else usual * (1 - drop / 2)
        if sight.value < limit:
            return replace(self, facts=_low(seen, facts, sight, usual))
        return self._learned(
            replace(seen, low_since=NEVER, lost_gpu_seconds=0.0), sight
        )

    def _learned(self, facts: Facts, sight: Sight) -> Record:
        due = not sight.at - facts.sampled_at < SPACING_SECONDS
        if not (due and sight.at_stride and not sight.dipped and sight.value > 0):
            return replace(self, facts=facts)
        samples = np.append(self.samples, sight.value)[-SAMPLES:]
        return Record(replace(facts, sampled_at=sight.at), samples)


def _low(seen: Facts, before: Facts, sight: Sight, usual: float) -> Facts:
    if np.isnan(before.low_since):
        return replace(seen, low_since=sight.at, lost_gpu_seconds=0.0)
    passed = min(max(sight.at - before.seen_at, 0.0), LONGEST_STEP_SECONDS)
    lost = sight.gpus * passed * max(0.0, 1 - sight.value / usual)
    return replace(seen, lost_gpu_seconds=before.lost_gpu_seconds + lost)


def number_of(job: str) -> float:
    """A whole number below 2**48 that stands for the name, the same everywhere."""
    digest = blake2b(job.encode(errors="surrogatepass"), digest_size=6).digest()
    return float(int.from_bytes(digest))


def packed(records: Mapping[float, Record]) -> Column:
    """All records as one column."""
    if not records:
        return np.empty(0)
    return np.concatenate([_row(number, one) for number, one in records.items()])


def _row(number: float, record: Record) -> Column:
    gap = np.full(SAMPLES - len(record.samples), np.nan)
    return np.concatenate([[number, *astuple(record.facts)], gap, record.samples])


def unpacked(column: Column | None, now: float) -> dict[float, Record]:
    """The records of a column, without jobs that were not seen for a day."""
    if column is None or len(column) % WIDTH:
        return {}
    found = {}
    for row in column.reshape(-1, WIDTH):
        facts = Facts(*row[1 : 1 + FACTS].tolist())
        if now - facts.seen_at <= FORGET_SECONDS:
            samples = row[1 + FACTS :]
            found[float(row[0])] = Record(facts, samples[~np.isnan(samples)])
    return found
