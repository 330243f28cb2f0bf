"""What a rule answers: FIRING, CLEAR or UNKNOWN for every subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.identity import Gpu, Subject
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Column, Mask


class Verdict(StrEnum):
    """One subject, one rule, one cycle. Absent is UNKNOWN, never CLEAR."""

    FIRING = "firing"
    CLEAR = "clear"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdicts:
    """A rule's answer for one cycle, as arrays.

    Args:
        firing: the fault is there, bool[subjects].
        known: it could be judged at all; elsewhere the verdict is UNKNOWN.
        subjects: None = the fleet's GPU rows (scope gpu) or nodes (scope node).
        severity: int per subject (`Severity`), None = the rule's own.
        evidence: named values per subject, shown to people; NaN is left out.
        keep: facts to be given back next cycle, float64 over rows or nodes.
        loaded: under comparable load (load-dependent rules), None = always.
        since: when the fault began, if earlier than this sample; NaN = now.
        words: one text per subject that numbers cannot say; rarely needed.
        elsewhere: whether a subject that is not among `subjects` is known to be
            CLEAR, for all at once or bool[rows].
    """

    firing: Mask
    known: Mask
    subjects: tuple[Subject, ...] | None = None
    severity: NDArray[np.int64] | None = None
    evidence: Mapping[str, Column] = field(default_factory=dict)
    keep: Mapping[str, Column] = field(default_factory=dict)
    loaded: Mask | None = None
    since: Column | None = None
    words: tuple[str, ...] = ()
    elsewhere: Mask | bool = False

    @classmethod
    def none_known(cls, subjects: int) -> Verdicts:
        """UNKNOWN for everybody: what a failed or uncovered rule says."""
        nobody = np.zeros(subjects, dtype=bool)
        return cls(firing=nobody, known=nobody)

    @classmethod
    def of_cluster(cls, cluster: str, reason: str) -> Verdicts:
        """One verdict, on the cluster itself: FIRING while there is a reason."""
        return cls(
            firing=np.array([bool(reason)]),
            known=np.array([True]),
            subjects=(Subject(cluster),),
            words=(reason,),
        )


def judged(
    firing: Mask,
    *values: Column,
    **rest: object,
) -> Verdicts:
    """Verdicts where every value is known; NaN in any of them makes UNKNOWN.

    Firing is cut to the known ones, so a rule may compare NaN carelessly.
    """
    known = np.ones(len(firing), dtype=bool)
    for value in values:
        known &= ~np.isnan(value)
    return Verdicts(firing=firing & known, known=known, **rest)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Finding:
    """A firing verdict as a rule explains it to people.

    `peers` are medians of the same evidence names over the GPU's job or node.
    `members` are all GPUs of the incident; `gpu` is the only or the first one.
    """

    subject: Subject
    severity: Severity
    evidence: Mapping[str, float]
    gpu: Gpu | None = None
    members: tuple[Gpu, ...] = ()
    peers: Mapping[str, float] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    job: str = ""
    words: str = ""

    def value(self, name: str, default: float = float("nan")) -> float:
        """One piece of evidence."""
        return self.evidence.get(name, default)


@dataclass(frozen=True)
class Words:
    """How a rule says it: the symptom in a few words, and the first thing to do."""

    summary: str
    action: str
