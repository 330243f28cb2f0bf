"""The comings and goings of nodes, a line a node and a mark a reading (15 s).

`#` = at work, `.` = idle, a blank = no readings at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpuwatch.engine.company import Companions
from gpuwatch.model.company import Company
from gpuwatch.model.snapshot import Snapshot
from tests.rules.builders import AT, fleet_of, window_of

STEP_SECONDS = 15.0
GPUS = 2


@dataclass
class Walk:
    """Nodes n0, n1, ... of two GPUs.

    Args:
        lines: a node's marks; all lines are of one length.
        clock: a node's SM clock in MHz at every reading, one word a node.
        power: the same in W, while it is at work.
        later: clocks from the `later_from`th reading on.
        later_from: see there.
        restart_at: before that reading the columns went through the store.
    """

    lines: Sequence[str]
    clock: str = "2000"
    power: str = "600"
    later: str = ""
    later_from: int = 0
    restart_at: int = -1

    def companies(self) -> list[Company]:
        """Who runs with whom, reading by reading."""
        assert len(set(map(len, self.lines))) == 1, "lines of several lengths"
        companions, found = Companions({}), []
        for step in range(len(self.lines[0])):
            if step == self.restart_at:
                companions = Companions(dict(companions.columns()))
            companions = companions.after(self._snapshot(step))
            found.append(companions.company)
        return found

    def _snapshot(self, step: int) -> Snapshot:
        marks = [line[step] for line in self.lines]
        clock = self.later if self.later and step >= self.later_from else self.clock
        clocks, powers = self._by_node(clock), self._by_node(self.power)
        watts = {"#": None, ".": "80", " ": "_"}
        return window_of(
            fleet_of(nodes=len(marks), gpus=GPUS),
            at=AT + STEP_SECONDS * step,
            utilization_percent=_by_gpu(
                [{"#": "100", ".": "0", " ": "_"}[m] for m in marks]
            ),
            power_watts=_by_gpu(
                [watts[m] or p for m, p in zip(marks, powers, strict=True)]
            ),
            sm_clock_megahertz=_by_gpu(
                ["_" if m == " " else c for m, c in zip(marks, clocks, strict=True)]
            ),
            sample_age_seconds=_by_gpu(["_" if m == " " else "0" for m in marks]),
        ).now

    def _by_node(self, text: str) -> list[str]:
        words = text.split()
        return words * len(self.lines) if len(words) == 1 else words


def groups(company: Company, each: int = 1) -> str:
    """A letter for every `each`th row by its group, in order of appearance."""
    letters: dict[int, str] = {-1: "_"}
    told = []
    for group in company.group_of[::each].tolist():
        letters.setdefault(group, "abcdefghijkl"[len(letters) - 1])
        told.append(letters[group])
    return "".join(told)


def at_last(walk: Walk) -> str:
    """A letter a node after the last reading."""
    return groups(walk.companies()[-1], GPUS)


def _by_gpu(words: Sequence[str]) -> str:
    return " ".join(np.repeat(np.array(words, dtype=str), GPUS).tolist())
