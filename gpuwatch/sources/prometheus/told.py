"""Asks a metrics server for jobs, throughput and topology, beside the readings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future

import numpy as np

from gpuwatch.errors import SourceError
from gpuwatch.sources.blocks import Block, Labels, ever
from gpuwatch.sources.frame import Frame
from gpuwatch.sources.hosts import NodeFinder
from gpuwatch.sources.identity import index_of
from gpuwatch.sources.jobs.roster import Claim, Roster
from gpuwatch.sources.jobs.told import Places, Questions, Told
from gpuwatch.sources.prometheus.asking import Asker

PAIRS, THROUGHPUT, PLACES = "jobs.expr", "jobs.throughput_expr", "topology.labels"
SLOW_CYCLES = 20
Rosters = Sequence[Roster | None]


class Teller:
    """Keeps what hardly changes: rosters that are the same, and the topology."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._places: Places = {}
        self._rosters: dict[tuple[object, bytes], Roster] = {}
        self._cycle = 0

    def told(self, asker: Asker, frame: Frame, executor: Executor) -> Sequence[Told]:
        """One a step; what fails is noted in the frame's `unread`."""
        asked = self._questions
        wanted = {
            PAIRS: _bracketed(asked.pairs_expr),
            THROUGHPUT: _with_nan_as_zero(asked.throughput_expr),
            PLACES: self._places_expr(frame),
        }
        running = {
            name: executor.submit(
                asker.seldom if name == PLACES else asker.ask, e, name
            )
            for name, e in wanted.items()
            if e
        }
        blocks = {name: _block(running[name], name, frame) for name in running}
        if (block := blocks.get(PLACES)) is not None:
            self._places = _places(block, frame, asked.place_labels)
        self._cycle += 1
        rosters = self._by_step(blocks.get(PAIRS), frame)
        works = self._works(blocks.get(THROUGHPUT), frame.steps)
        return [
            Told(roster, work, self._places)
            for roster, work in zip(rosters, works, strict=True)
        ]

    def _places_expr(self, frame: Frame) -> str:
        """Of every target's own labels, now and then."""
        labels = self._questions.place_labels
        if not labels or (frame.steps == 1 and self._cycle % SLOW_CYCLES):
            return ""
        by = ", ".join(
            dict.fromkeys(("job", *frame.register.naming.place_labels, *labels))
        )
        named = " or ".join(f'up{{{label}!=""}}' for label in labels)
        return f"count by ({by}) ({named})"

    def _by_step(self, block: Block | None, frame: Frame) -> Rosters:
        """None where no pair is told."""
        if block is None:
            return [None] * frame.steps
        claims = [self._claim(one, frame) for one in block.labels]
        active = ~np.isnan(block.values) & (block.values != 0)
        key = tuple(claims)
        found: dict[tuple[object, bytes], Roster] = {}
        rosters: list[Roster | None] = []
        for step in active:
            place = (key, step.tobytes())
            if place not in found:
                found[place] = self._rosters.get(place) or _roster(claims, step)
            rosters.append(found[place] if found[place].claims else None)
        self._rosters = found
        return rosters

    def _claim(self, labels: Labels, frame: Frame) -> Claim | None:
        named = self._questions.node_label
        job = self._job(labels)
        node = labels.get(named, "") if named else frame.register.node(labels)
        if not job or not node:
            return None
        index = index_of(labels)
        return Claim(job, node, None if index is None else frozenset({index}))

    def _job(self, labels: Labels) -> str:
        labelled = (labels.get(name, "") for name in self._questions.job_labels)
        return next((job.strip() for job in labelled if job.strip()), "")

    def _works(self, block: Block | None, steps: int) -> Sequence[Mapping[str, float]]:
        """By job; of several series for one the largest."""
        if block is None:
            return [{}] * steps
        columns: defaultdict[str, list[int]] = defaultdict(list)
        for place, labels in enumerate(block.labels):
            columns[self._job(labels)].append(place)
        works: list[dict[str, float]] = [{} for _ in range(steps)]
        for job, places in columns.items():
            most = np.fmax.reduce(block.values[:, places], axis=1)
            for step in np.flatnonzero(~np.isnan(most)).tolist():
                works[step][job] = float(most[step])
        return works


def _bracketed(expr: str) -> str:
    """Its own comment, if it ends in one, ends with its line."""
    return f"(\n{expr}\n)" if expr else ""


def _with_nan_as_zero(expr: str) -> str:
    """A series whose value is no number (0/0) does no work; an absent one is absent."""
    if not expr:
        return ""
    one = _bracketed(expr)
    return f"{one} >= -Inf or ({one} != bool {one}) * 0"


def _block(running: Future[Block], name: str, frame: Frame) -> Block | None:
    try:
        return running.result()
    except SourceError as error:
        frame.unread[name] = error.reason
        return None


def _roster(claims: Sequence[Claim | None], active: np.ndarray) -> Roster:
    """GPUs of one job on one node are one claim."""
    gpus: defaultdict[tuple[str, str], set[int] | None] = defaultdict(set)
    for place in np.flatnonzero(active).tolist():
        claim = claims[place]
        if claim is None:
            continue
        mine = gpus[claim.job, claim.node]
        if claim.gpus is None or mine is None:
            gpus[claim.job, claim.node] = None
        else:
            mine.update(claim.gpus)
    return Roster(
        tuple(
            Claim(job, node, None if mine is None else frozenset(mine))
            for (job, node), mine in gpus.items()
        )
    )


def _places(block: Block, frame: Frame, kinds: Sequence[str]) -> Places:
    """By node of the fleet; of two names of one kind the first in order."""
    finder, nodes = NodeFinder(frame.register, {}), frame.register.fleet.nodes
    places: dict[str, dict[str, str]] = {}
    for labels in block.picked(ever(~np.isnan(block.values))).labels:
        row = finder.row(labels)
        for kind in kinds if row >= 0 else ():
            if name := labels.get(kind):
                mine = places.setdefault(nodes[row], {})
                mine[kind] = min(name, mine.get(kind, name))
    return places
