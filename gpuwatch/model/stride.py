"""A job's stride: how it works when all is well, and how it works now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.company import Company
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Column, Mask

Severities = NDArray[np.int64]
# Activity is scored by what it was over so long: one sample is noise.
RECENT_SECONDS = 45.0
# A job that loses 10 % is critical (design: who is disturbed when).
CRITICAL_JOB_LOSS = 0.10


@dataclass(frozen=True)
class Stride:
    """Every group of a Company against its own recent past; arrays over groups.

    Args:
        reached: it has worked long enough for its stride to be known.
        steady: readings may be scored: it is neither in a dip of all its GPUs
            together (a checkpoint, an evaluation, a restart) nor just out of one.
        settled: steady for so long that means over 45 s hold nothing of the dip.
        together: its GPUs wax and wane as one, as those of a synchronous job do and
            those of an inference service do not.
        calm: bool[rows], the GPU itself does not wander off its group.
        work: the median GPU's work a second (tensor activity x SM clock, else power)
            as a share of its stride; 1.0 = as usual, NaN = not known yet.
        dipped_seconds: since the dip began, 0 = in none.
        kept_watts: float64[rows], each GPU's own usual power in this job.
        worked_seconds: float64[rows], how long those usual levels were learned.
        kept_megahertz: float64[rows], its usual SM clock in this job.
        recent_watts: float64[rows], its mean power over the last 45 s.
    """

    reached: Mask
    steady: Mask
    settled: Mask
    together: Mask
    calm: Mask
    work: Column
    dipped_seconds: Column
    kept_watts: Column
    worked_seconds: Column
    kept_megahertz: Column
    recent_watts: Column


@dataclass(frozen=True)
class Crew:
    """Who runs with whom, and how their group works now."""

    company: Company
    stride: Stride

    @property
    def steady(self) -> Mask:
        """Rows whose group may be scored now, bool[rows]."""
        return self.company.rows_in(self.stride.steady)

    @property
    def settled(self) -> Mask:
        """Calm rows of synchronous groups whose means may be scored now, bool[rows]."""
        groups = self.stride.settled & self.stride.together
        return self.company.rows_in(groups) & self.stride.calm

    def severity(self, most: Severity, known_bad: Mask | bool = False) -> Severities:
        """CRITICAL where the job has lost 10 % of its pace, or it is bad anyway.

        Else WARNING, and nowhere above `most`.
        """
        bad = (self.pace <= 1 - CRITICAL_JOB_LOSS) | known_bad
        return np.minimum(np.where(bad, Severity.CRITICAL, Severity.WARNING), most)

    @property
    def pace(self) -> Column:
        """The group's work as a share of its stride, float64[rows]."""
        return self.company.spread(self.stride.work)
