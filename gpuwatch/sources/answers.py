"""Custom PromQL: whom each line of an answer is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpuwatch.model.identity import Subject
from gpuwatch.sources.blocks import Block, Labels
from gpuwatch.sources.hosts import NodeFinder
from gpuwatch.sources.identity import uuid_of
from gpuwatch.sources.register import Register


def subject_of(labels: Labels, register: Register, finder: NodeFinder) -> Subject:
    """By UUID, else by node, else by job, else the cluster.

    A GPU that nobody knows keeps its UUID, a host that is no GPU node its name.
    """
    fleet = register.fleet
    if uuid := uuid_of(labels):
        rows = register.places.rows(labels)
        if rows:
            return fleet.subject(rows[-1])
        return Subject(fleet.cluster, register.node(labels), uuid)
    if any(labels.get(name) for name in register.naming.place_labels):
        row = finder.row(labels)
        node = fleet.nodes[row] if row >= 0 else register.node(labels)
        return Subject(fleet.cluster, node)
    return Subject(fleet.cluster, job=register.job(labels))


@dataclass(frozen=True)
class Listed:
    """Whom one step of an answer lists: the largest value, and that series' labels."""

    values: Mapping[Subject, float]
    labels: Mapping[Subject, Labels]


def answers_of(
    block: Block, register: Register, finder: NodeFinder
) -> Sequence[Listed]:
    """One a step."""
    subjects = [subject_of(one, register, finder) for one in block.labels]
    return [_listed(subjects, block.labels, row.tolist()) for row in block.values]


def _listed(
    subjects: Sequence[Subject], labels: Sequence[Labels], values: Sequence[float]
) -> Listed:
    largest: dict[Subject, float] = {}
    of_largest: dict[Subject, Labels] = {}
    for subject, one, value in zip(subjects, labels, values, strict=True):
        if not np.isnan(value) and value >= largest.get(subject, value):
            largest[subject], of_largest[subject] = value, one
    return Listed(largest, of_largest)
