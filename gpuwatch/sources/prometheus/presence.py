"""Zero or unknown? Sparse answers, and the proof that a silent GPU exports zero."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from gpuwatch.model.metric import Metric, SourceName
from gpuwatch.sources.blocks import Block, Matrix
from gpuwatch.sources.frame import Frame, Piece
from gpuwatch.sources.prometheus.asking import Asker, Sampled
from gpuwatch.sources.prometheus.promql import Freshly, Readings

# How often a metric that is missing on some GPU of an exporting node is tried
# sparsely again, and how old a proof may get on a large fleet; in cycles.
RETRY_CYCLES = 20
PROOF_CYCLES = 4


class Proofs:
    """What is remembered between cycles, by exporter name.

    `dense`: the cycle in which a metric fell short somewhere; it is read in full until
    `RETRY_CYCLES` later. `counts`: exporting and live GPUs by node at the last proof.
    """

    def __init__(self) -> None:
        self.dense: dict[str, int] = {}
        self.counts: dict[str, tuple[int, Matrix, Matrix]] = {}


class SparseReader:
    """Reads one cycle's sparse metrics: the non-zero values and their proof.

    `x != 0` tells zero from absent only with a second answer: how many GPUs of each
    node have a series of that name at all. Where these are all the live ones, silence
    is zero. Where some are missing, nobody can say which: the name is read in full,
    and only the GPU without a series stays unknown.
    """

    def __init__(
        self, asker: Asker, frame: Frame, proofs: Proofs, fresh: Freshly, cycle: int
    ) -> None:
        self._asker, self._frame, self._proofs = asker, frame, proofs
        self._fresh, self._cycle = fresh, cycle

    @cached_property
    def _live_gpus(self) -> Matrix:
        return _live_gpus(self._frame)

    @cached_property
    def _live_cards(self) -> Matrix:
        return _live_cards(self._frame)

    def read(self, metric: Metric, source: SourceName, name: str) -> Piece:
        """Raw values and proven rows; SourceError when a query failed."""
        sampled = self._asker.sampled(name, links=metric.scope == "link")
        if sampled is not None:
            return self._by_count(metric, source, name, sampled)
        readings = Readings(name, source, metric.scope, self._fresh)
        fell_short_at = self._proofs.dense.get(name)
        if fell_short_at is None or self._cycle - fell_short_at >= RETRY_CYCLES:
            piece = self._sparsely(readings, metric, source, name)
            if piece is not None:
                self._proofs.dense.pop(name, None)
                return piece
            self._proofs.dense[name] = self._cycle
        raw = self._frame.spread(self._asker.ask(readings.every(), metric.name))
        return Piece(source, raw)

    def _by_count(
        self, metric: Metric, source: SourceName, name: str, sampled: Sampled
    ) -> Piece:
        """Of the past: who was sampled with every heartbeat is zero where silent."""
        fresh = replace(self._fresh, checked=self._fresh.checked and sampled.short)
        readings = Readings(name, source, metric.scope, fresh)
        if sampled.short:
            raw = self._frame.spread(self._asker.ask(readings.every(), metric.name))
            return Piece(source, raw)
        raw = self._frame.spread(self._asker.ask(readings.nonzero(), metric.name))
        proven = np.zeros(raw.shape, bool)
        _, rows = self._frame.register.places.find(sampled.full)
        proven[:, rows[rows < self._frame.rows]] = True
        return Piece(source, raw, proven & self._frame.present)

    def _sparsely(
        self, readings: Readings, metric: Metric, source: SourceName, name: str
    ) -> Piece | None:
        """None where the proof fails for some node."""
        live = self._live_cards if metric.scope == "link" else self._live_gpus
        exporting = self._exporting(readings, metric, name, live)
        if ((exporting > 0) & (exporting < live)).any():
            return None
        raw = self._frame.spread(self._asker.ask(readings.nonzero(), metric.name))
        full = (exporting > 0) & (live > 0)
        return Piece(source, raw, full[:, self._frame.node_of])

    def _exporting(
        self, readings: Readings, metric: Metric, name: str, live: Matrix
    ) -> Matrix:
        """GPUs with a series by node, float64[steps, nodes].

        Large fleets (unchecked selectors) ask every few cycles, and at once when the
        number of live GPUs of any node has changed.
        """
        at, exporting, then = self._proofs.counts.get(name, (0, live, live[:, :0]))
        recent = not self._fresh.checked and self._cycle - at < PROOF_CYCLES
        if recent and then.shape == live.shape and (then == live).all():
            return exporting
        places = self._frame.register.naming.place_labels
        block = self._asker.ask(readings.exporting(places), metric.name)
        counted = self._on_nodes(block)
        self._proofs.counts[name] = (self._cycle, counted, live)
        return counted

    def _on_nodes(self, block: Block) -> Matrix:
        """Counts by node; of two instances of one node the larger."""
        register = self._frame.register
        found = np.zeros((self._frame.steps, len(register.fleet.nodes)))
        for labels, values in zip(block.labels, block.values.T, strict=True):
            row = register.fleet.node_row(register.node(labels))
            if row is not None:
                found[:, row] = np.fmax(found[:, row], values)
        return found


def _live_gpus(frame: Frame) -> Matrix:
    """Live rows by node, float64[steps, nodes]."""
    size = len(frame.register.fleet.nodes)
    counts = [
        np.bincount(frame.node_of[alive], minlength=size) for alive in frame.present
    ]
    return np.array(counts, np.float64)


def _live_cards(frame: Frame) -> Matrix:
    """Live cards by node, each once however many MIG instances it has."""
    fleet = frame.register.fleet
    number: dict[tuple[int, str], int] = {}
    cards = [
        number.setdefault((int(node), gpu.uuid), len(number))
        for node, gpu in zip(frame.node_of, fleet.gpus, strict=False)
    ]
    card_of = np.array(cards, np.int64)
    node_of_card = np.array([node for node, _ in number], np.int64)
    alive = [np.unique(card_of[present]) for present in frame.present]
    size = len(fleet.nodes)
    counts = [np.bincount(node_of_card[some], minlength=size) for some in alive]
    return np.array(counts, np.float64)
