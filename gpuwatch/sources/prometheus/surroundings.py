"""What is asked besides GPU metrics: XIDs, the nodes' exporters, custom PromQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

import numpy as np

from gpuwatch.errors import SourceError
from gpuwatch.model.metric import catalogue
from gpuwatch.ports import CustomQuery
from gpuwatch.sources.answers import answers_of
from gpuwatch.sources.blocks import Block, Flags, Indices, Labels, Matrix, scatter_max
from gpuwatch.sources.decode import impossible
from gpuwatch.sources.frame import Frame
from gpuwatch.sources.hosts import NodeFinder, Target, target_of, targets_of
from gpuwatch.sources.prometheus.asking import Asker
from gpuwatch.sources.prometheus.names import NameBook
from gpuwatch.sources.prometheus.promql import GPU, Freshly, codes, scrape_health
from gpuwatch.sources.prometheus.rails import RailMemory, RailReader
from gpuwatch.sources.xids import (
    CAUSE_LABELS,
    CODE_LABEL,
    XID,
    XID_COUNT,
    XidTable,
    of_count,
    of_gauge,
)

BOOT_TIME, UNAME = "node_boot_time_seconds", "node_uname_info"


class XidReader:
    """Fills the frame's XID table; a GPU of which only an XID is left gets its row."""

    def __init__(self, asker: Asker, frame: Frame, fresh: Freshly) -> None:
        self._asker, self._frame, self._fresh = asker, frame, fresh

    def read(self, names: NameBook) -> None:
        """A query that fails fills `unread` and leaves its entries out."""
        gauge = self._entries(names, XID, CAUSE_LABELS, of_gauge)
        count = self._entries(names, XID_COUNT, (CODE_LABEL,), of_count)
        self._frame.xids = XidTable.joined([*count, *gauge])

    def _entries(
        self,
        names: NameBook,
        metric: str,
        labels: Sequence[str],
        decode: Callable[[Block, Indices], tuple[XidTable, Indices]],
    ) -> list[XidTable]:
        tables = []
        for _, name in names.of_metric(catalogue()[metric]):
            try:
                block = self._ask(metric, name, labels)
            except SourceError as error:
                self._frame.unread[metric] = error.reason
                continue
            rows = self._frame.register.rows(block.labels)
            table, wrong = decode(block.picked(rows >= 0), rows[rows >= 0])
            self._frame.drop(metric, wrong)
            tables.append(table)
        return tables

    def _ask(self, metric: str, name: str, labels: Sequence[str]) -> Block:
        places = self._frame.register.naming.place_labels
        by = (*GPU, *places, "gpu", "modelName", *labels)
        fresh = self._asker.freshly(name, self._fresh)
        return self._asker.ask(codes(name, tuple(dict.fromkeys(by)), fresh), metric)


class HostReader:
    """Node columns, each a callable that raises SourceError when its query failed.

    `hosts`: which node each node_exporter target stands for; it grows. `rails`: what
    was found out about network ports.
    """

    def __init__(
        self,
        asker: Asker,
        frame: Frame,
        fresh: Freshly,
        hosts: dict[Target, str],
        rails: RailMemory,
    ) -> None:
        self._asker, self._frame, self._fresh = asker, frame, fresh
        self._hosts, self._register = hosts, frame.register
        nodes = len(frame.register.fleet.nodes)
        self._rails = RailReader(asker, self._labels, self._finder, nodes, rails)

    def columns(self, names: NameBook) -> Mapping[str, Callable[[], Matrix]]:
        """The columns that this server can fill, in the order to be called."""
        mine: dict[str, Callable[[], Matrix]] = {"exporter_up": self._exporter_up}
        if names.has(BOOT_TIME):
            mine["boot_time_seconds"] = self._boot_time
            mine["node_exporter_up"] = self._node_exporter_up
        return {**mine, **self._rails.columns(names)}

    @property
    def _labels(self) -> Sequence[str]:
        return tuple(dict.fromkeys(("job", *self._register.naming.place_labels)))

    def _finder(self) -> NodeFinder:
        return NodeFinder(self._register, self._hosts)

    def _exporter_up(self) -> Matrix:
        """Of the targets that were seen to carry DCGM; NaN = no such target."""
        jobs = {job for job, _ in self._register.targets}
        if not self._register.fleet.instances and not self._register.ambiguous:
            return self._nothing()
        expr = scrape_health(jobs, self._labels, self._fresh)
        block = self._asker.ask(expr, "exporter_up")
        fleet = self._register.fleet
        found = [self._node_of_exporter(one) for one in block.labels]
        rows = [fleet.node_row(name) for name in found]
        return _on_nodes(block, rows, len(fleet.nodes))

    def _nothing(self) -> Matrix:
        nodes = len(self._register.fleet.nodes)
        return np.full((self._frame.steps, nodes), np.nan)

    def _node_of_exporter(self, labels: Labels) -> str:
        target = target_of(labels)
        if target in self._register.ambiguous:
            return self._register.node(labels)
        known = self._register.fleet.instances.get(target[1], "")
        return self._register.targets.get(target, known)

    def _boot_time(self) -> Matrix:
        self._learn_hosts()
        by = ", ".join(self._labels)
        expr = f"max by ({by}) ({self._fresh(BOOT_TIME)})"
        block = self._asker.ask(expr, "boot_time_seconds")
        finder = self._finder()
        self._hosts.update(targets_of(block, finder, self._register.fleet))
        column = finder.column(block)
        wrong = impossible(column, catalogue()["boot_time_seconds"])
        return np.where(wrong, np.nan, column)

    def _learn_hosts(self) -> None:
        """Names of hosts that are scraped by their address, once they are needed."""
        if self._hosts:
            return
        by = ", ".join(dict.fromkeys((*self._labels, "nodename")))
        block = self._asker.ask(f"max by ({by}) ({UNAME})", "boot_time_seconds")
        self._hosts.update(targets_of(block, self._finder(), self._register.fleet))

    def _node_exporter_up(self) -> Matrix:
        """Of the jobs that carry boot times: targets seen, and silent ones by name."""
        if not self._hosts:
            self._boot_time()
        jobs = {job for job, _ in self._hosts}
        if not jobs:
            return self._nothing()
        fleet = self._register.fleet
        expr = scrape_health(jobs, self._labels, self._fresh)
        block = self._asker.ask(expr, "node_exporter_up")
        finder, known = self._finder(), set(self._hosts.values())
        rows: list[int | None] = []
        for one in block.labels:
            row = finder.row(one)
            stranger = row < 0 or fleet.nodes[row] in known
            mine = target_of(one) in self._hosts or not stranger
            rows.append(row if mine else None)
        return _on_nodes(block, rows, len(fleet.nodes))


def _on_nodes(block: Block, rows: Sequence[int | None], nodes: int) -> Matrix:
    target = np.full((len(block.values), nodes), np.nan)
    where = np.array([-1 if row is None else row for row in rows], np.int64)
    known: Flags = where >= 0
    scatter_max(target, where[known], block.values[:, known])
    return target


def read_answers(
    asker: Asker,
    frame: Frame,
    queries: Sequence[CustomQuery],
    executor: Executor,
    hosts: Mapping[Target, str],
) -> None:
    """Fill the frame's answers; None where the query failed or its guard is empty.

    `hosts`: which node each node_exporter target is known to stand for.
    """
    running = [
        (
            query,
            [executor.submit(asker.ask, expr, query.name) for expr in _exprs(query)],
        )
        for query in queries
    ]
    finder = NodeFinder(frame.register, hosts)
    nobody = [None] * frame.steps
    for query, futures in running:
        frame.answers[query.name] = nobody
        try:
            blocks = [future.result() for future in futures]
        except SourceError as error:
            frame.unread[query.name] = error.reason
            continue
        listed = answers_of(blocks[0], frame.register, finder)
        allowed = _allowed(blocks[1:], frame.steps)
        if not allowed[-1]:
            frame.unread[query.name] = "its `present` guard is empty"
        pairs = zip(listed, allowed, strict=True)
        told = [one if may else None for one, may in pairs]
        values = [None if one is None else one.values for one in told]
        frame.answers[query.name] = values
        frame.answer_labels[query.name] = [one.labels if one else {} for one in told]


def _exprs(query: CustomQuery) -> Sequence[str]:
    return (query.expr, query.present) if query.present else (query.expr,)


def _allowed(guards: Sequence[Block], steps: int) -> list[bool]:
    """At which steps the guard, if there is one, answered something."""
    if not guards:
        return [True] * steps
    return [bool((~np.isnan(step)).any()) for step in guards[0].values]
