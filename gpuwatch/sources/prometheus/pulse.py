"""Which GPUs are alive: heartbeats, and introductions of GPUs never seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpuwatch.sources.blocks import Block, ever
from gpuwatch.sources.identity import key_of
from gpuwatch.sources.prometheus.asking import HEARTBEAT, Asker
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.promql import any_of, beat_elsewhere, selector
from gpuwatch.sources.register import Register

# UUIDs in one selector: 41 bytes each stay well below VictoriaMetrics' 16 KiB.
MOST_NAMED = 150


class Pulse:
    """Asks for the signs of life of one cluster at the asker's times.

    The first quantity that exists is asked of all GPUs, by few labels. Who was alive
    a moment ago and is missing from it is looked for in the other quantities, so a
    GPU is lost only when all of them are gone. Any failure is a SourceError: half an
    answer would look like half a fleet lost.
    """

    def __init__(
        self, asker: Asker, register: Register, max_age_seconds: float
    ) -> None:
        self._asker, self._register = asker, register
        self._max_age_seconds = max_age_seconds

    def listen(self, names: NameBook, *, introduce: bool) -> Block:
        """Sample times by identity and job; `introduce`: ask for all labels first."""
        groups = names.pulses()
        if not groups:
            return Block.empty(len(self._asker.times))
        if introduce:
            return self._introduced(groups)
        found = self._beats(groups[0], self._register.beat_labels)
        if self._register.unknown(self._fresh(found).labels):
            return self._introduced(groups)
        return found

    def _introduced(self, groups: Sequence[Sequence[str]]) -> Block:
        labels = self._register.identity_labels
        blocks = [self._beats(groups[0], labels)]
        for position, names in enumerate(groups[1:], start=1):
            others = [name for group in groups[:position] for name in group]
            exprs = [beat_elsewhere(name, labels, others) for name in names]
            blocks += [self._asker.ask(expr, HEARTBEAT) for expr in exprs]
        found = self._joined(blocks)
        self._register.learn(self._fresh(found).labels)
        return found

    def missing(self, names: NameBook, keys: Sequence[str]) -> Block:
        """Signs of life of certain GPUs (`gpu_key`) in the other quantities."""
        labels = self._register.beat_labels
        groups = names.pulses()[1:]
        blocks = [self._beats(group, labels, keys) for group in groups]
        found = self._joined(blocks)
        wanted = set(keys)
        return found.picked(
            np.array([key_of(one) in wanted for one in found.labels], bool)
        )

    def _beats(
        self, names: Sequence[str], labels: Sequence[str], keys: Sequence[str] = ()
    ) -> Block:
        chosen = [text for name in names for text in _selectors(name, keys)]
        return self._joined([self._asker.beats(one, labels) for one in chosen])

    def _joined(self, blocks: Sequence[Block]) -> Block:
        return Block.joined(blocks, len(self._asker.times))

    def _fresh(self, block: Block) -> Block:
        """Only series that were alive at some step."""
        age = self._asker.times[:, None] - block.values
        return block.picked(ever(age <= self._max_age_seconds))


def _selectors(name: str, keys: Sequence[str]) -> Sequence[str]:
    """The metric, narrowed to certain GPUs where these are few."""
    if not keys or len(keys) > MOST_NAMED:
        return [name]
    uuids = any_of({key.partition("\0")[0] for key in keys})
    return [selector(name, UUID=uuids), selector(name, uuid=uuids)]
