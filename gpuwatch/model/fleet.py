"""Everything watched in one cluster: GPUs as rows that are only ever appended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.identity import Gpu, Subject

Rows = NDArray[np.int64]
Key = tuple[str, str, str]


@dataclass
class Fleet:
    """The rows of one cluster, in the order in which they were first seen.

    A row never moves, so a column read yesterday still lines up today. `retired`
    holds rows and node names that the operator, Slurm or discovery took out;
    they keep their row, and count for nothing until they are seen alive again.
    """

    cluster: str
    gpus: list[Gpu] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    retired: set[int] = field(default_factory=set)
    retired_nodes: set[str] = field(default_factory=set)
    instances: dict[str, str] = field(default_factory=dict)
    _row_of: dict[Key, int] = field(default_factory=dict, repr=False)
    _node_row: dict[str, int] = field(default_factory=dict, repr=False)
    _node_of: Rows = field(
        default_factory=lambda: np.empty(0, dtype=np.int64), repr=False, compare=False
    )
    _models: tuple[Rows, tuple[str, ...]] | None = field(
        default=None, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        gpus, nodes = self.gpus, self.nodes
        self.gpus, self.nodes = [], []
        for node in nodes:
            self.add_node(node)
        for gpu in gpus:
            self.add(gpu)

    def __len__(self) -> int:
        return len(self.gpus)

    def add_node(self, node: str) -> int:
        """The node's row, appended if it is new."""
        row = self._node_row.setdefault(node, len(self.nodes))
        if row == len(self.nodes):
            self.nodes.append(node)
        return row

    def add(self, gpu: Gpu) -> int:
        """The GPU's row, appended if it is new; fills in what was not known of it."""
        key = (gpu.node, gpu.uuid, gpu.mig)
        row = self._row_of.setdefault(key, len(self.gpus))
        if row == len(self.gpus):
            self.add_node(gpu.node)
            self.gpus.append(gpu)
            self._models = None
        elif self.gpus[row] != gpu:
            self.gpus[row] = _merge(self.gpus[row], gpu)
            self._models = None
        return row

    def row(self, node: str, uuid: str, mig: str = "") -> int | None:
        """The row of a known GPU."""
        return self._row_of.get((node, uuid, mig))

    def node_row(self, node: str) -> int | None:
        """The row of a known node."""
        return self._node_row.get(node)

    @property
    def node_of(self) -> Rows:
        """For each GPU row the row of its node, int64[rows]."""
        known = len(self._node_of)
        if known < len(self.gpus):
            more = [self._node_row[gpu.node] for gpu in self.gpus[known:]]
            self._node_of = np.concatenate([self._node_of, np.array(more, np.int64)])
        return self._node_of

    @property
    def models(self) -> tuple[Rows, tuple[str, ...]]:
        """For each GPU row an index into the models seen, int64[rows], and the models.

        Remembered: many rules ask in every cycle.
        """
        if self._models is None:
            code_of: dict[str, int] = {}
            codes = [code_of.setdefault(g.model, len(code_of)) for g in self.gpus]
            self._models = np.array(codes, np.int64), tuple(code_of)
        return self._models

    def rows_of_node(self, node: str) -> Rows:
        """All GPU rows of a node, retired ones included."""
        row = self._node_row.get(node, -1)
        return np.flatnonzero(self.node_of == row)

    def subject(self, row: int, detail: str = "") -> Subject:
        """The subject that a GPU row stands for."""
        gpu = self.gpus[row]
        return Subject(self.cluster, gpu.node, gpu.uuid, gpu.mig, detail=detail)

    def node_subject(self, row: int) -> Subject:
        """The subject that a node row stands for."""
        return Subject(self.cluster, self.nodes[row])

    def row_of(self, subject: Subject) -> int | None:
        """The row of a GPU subject, of a node subject (a node row), else None."""
        if subject.uuid:
            return self.row(subject.node, subject.uuid, subject.mig)
        return self.node_row(subject.node) if subject.node else None

    @property
    def in_service(self) -> NDArray[np.bool_]:
        """Rows that count: neither they nor their node are retired, bool[rows]."""
        alive = np.ones(len(self.gpus), dtype=bool)
        if not self.retired and not self.retired_nodes:
            return alive
        alive[list(self.retired)] = False
        gone = [self._node_row[n] for n in self.retired_nodes if n in self._node_row]
        return alive & ~np.isin(self.node_of, gone)

    def retire(self, rows: Iterable[int] = (), nodes: Iterable[str] = ()) -> None:
        """Take rows or whole nodes out of service."""
        self.retired.update(rows)
        self.retired_nodes.update(nodes)

    def welcome(self, rows: Iterable[int]) -> None:
        """Seen alive: whatever was retired is in service again."""
        for row in self.retired.intersection(rows):
            self.retired.discard(row)
        if self.retired_nodes:
            back = {self.gpus[row].node for row in rows}
            self.retired_nodes -= back


def _merge(known: Gpu, seen: Gpu) -> Gpu:
    return replace(
        known,
        index=known.index if seen.index is None else seen.index,
        model=seen.model or known.model,
    )
