"""Custom PromQL: whom each line of an answer is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpuwatch.model.identity import Subject
from gpuwatch.model.snapshot import Answer
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


def answers_of(
    block: Block, register: Register, finder: NodeFinder
) -> Sequence[dict[Subject, float]]:
    """One mapping a step; of several values for one subject the largest."""
    subjects = [subject_of(one, register, finder) for one in block.labels]
    return [_listed(subjects, values.tolist()) for values in block.values]


def _listed(
    subjects: Sequence[Subject], values: Sequence[float]
) -> dict[Subject, float]:
    answer: dict[Subject, float] = {}
    for subject, value in zip(subjects, values, strict=True):
        if not np.isnan(value):
            answer[subject] = max(value, answer.get(subject, value))
    return answer


def guarded_answer(answer: dict[Subject, float], guard: bool) -> Answer:
    """None (UNKNOWN for everybody) where the `present` guard was empty."""
    return answer if guard else None
