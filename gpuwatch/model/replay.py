"""For rules that need not look at every sample: the last verdicts, told again.

A fit over 100,000 GPUs costs 90 ms, and heat moves in minutes. So such a rule looks
once a minute or less often, and in between says what it said, of GPUs still there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.verdict import Verdicts
from gpuwatch.model.window import Window

LOOKED_AT, STATE, TOLD = "looked_at", "state", "told_"
CLEAR = 0.0
SLACK_SECONDS = 5.0
Shown = Mapping[str, Column]


@dataclass(frozen=True)
class Replay:
    """What a rule keeps to repeat itself; `names` are those of its evidence."""

    every_seconds: float
    names: Sequence[str]

    def due(self, window: Window) -> bool:
        """It is time to look; so it is after a clock that went back."""
        passed = window.now.at - float(window.recall(LOOKED_AT, 1)[0])
        return not 0 <= passed < self.every_seconds - SLACK_SECONDS

    def again(self, window: Window, alive: Mask) -> Verdicts:
        """The last verdicts; UNKNOWN for rows that are not `alive` any more."""
        state = np.where(alive, window.recall(STATE), np.nan)
        return Verdicts(
            firing=state > CLEAR,
            known=~np.isnan(state),
            severity=np.nan_to_num(np.maximum(state, 1), nan=1.0).astype(np.int64),
            evidence={name: window.recall(TOLD + name) for name in self.names},
        )

    def kept(
        self,
        at: float,
        firing: Mask,
        known: Mask,
        severity: NDArray[np.int64],
        shown: Shown,
    ) -> Mapping[str, Column]:
        """To be kept: a severity where it fires, 0 where it is clear, and evidence."""
        state = np.where(known, np.where(firing, severity, CLEAR), np.nan)
        told = {
            TOLD + name: np.where(firing, shown[name], np.nan) for name in self.names
        }
        return {LOOKED_AT: np.array([at]), STATE: state, **told}
