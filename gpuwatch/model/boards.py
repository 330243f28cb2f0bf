"""What each row's board is: its model, its slot, its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.heat import either, plausible
from gpuwatch.model.limits import (
    SLOWDOWN_ABOVE_OPERATING_CELSIUS,
    Limits,
    limits_of,
)
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.window import Read, Window

MARGIN_TOLERANCE_CELSIUS = 6.0
LIMIT_READS = (
    Read("power_limit_watts", required=False),
    Read("slowdown_temperature_celsius", required=False),
    Read("max_operating_temperature_celsius", required=False),
    Read("thermal_margin_celsius", required=False),
)


@dataclass(frozen=True)
class Boards:
    """Arrays over rows.

    Args:
        models: the models seen; `code` is an index into them.
        slot: the exporter's index of the GPU in its node, -1 = unknown.
        whole: the row is a whole board and no MIG instance, whose power is false.
    """

    models: tuple[str, ...]
    code: NDArray[np.int64]
    slot: NDArray[np.int64]
    whole: Mask

    @property
    def slots(self) -> int:
        """One more than the highest slot."""
        return int(self.slot.max(initial=0)) + 1

    @property
    def classes(self) -> NDArray[np.int64]:
        """A number for each (model, slot); -1 where the slot is unknown."""
        known = (self.slot >= 0) & self.whole
        return np.where(known, self.code * self.slots + self.slot, -1)

    def table(self, name: str) -> Column:
        """A figure of the table of models (model/limits.py), NaN where unknown."""
        known: Sequence[Limits] = [limits_of(model) for model in self.models]
        values = np.array([getattr(limits, name) for limits in known], np.float64)
        return values[self.code]


def boards_of(fleet: Fleet, rows: int) -> Boards:
    """Read off the fleet's identities."""
    gpus = fleet.gpus[:rows]
    models = [gpu.model for gpu in gpus]
    code_of = {model: code for code, model in enumerate(dict.fromkeys(models))}
    slot = np.array([gpu.index for gpu in gpus], dtype=np.float64)
    instances = [gpu.mig for gpu in gpus]
    whole = np.ones(rows, bool)
    if any(instances):
        whole = np.array([not mig for mig in instances], bool)
    return Boards(
        models=tuple(code_of),
        code=np.fromiter(map(code_of.__getitem__, models), np.int64, rows),
        slot=np.where(slot >= 0, slot, -1).astype(np.int64),
        whole=whole,
    )


def board_power_limit_watts(window: Window, boards: Boards) -> Column:
    """The limit in force where exported, else the model's default, else NaN."""
    return either(window.get("power_limit_watts"), boards.table("power_limit_watts"))


def operating_limit_celsius(window: Window, boards: Boards) -> Column:
    """Where the GPU begins to slow itself down, NaN where nobody knows.

    The device's own limit; else 2 °C below its hardware slowdown; else temperature and
    margin where their sum is near the model's limit (some H100 report a margin of 0 at
    any temperature); else the table.
    """
    table = boards.table("operating_celsius")
    usual = either(
        table, boards.table("slowdown_celsius") - SLOWDOWN_ABOVE_OPERATING_CELSIUS
    )
    slowdown = plausible(window.get("slowdown_temperature_celsius"))
    gap = either(
        boards.table("slowdown_celsius") - table, SLOWDOWN_ABOVE_OPERATING_CELSIUS
    )
    own = plausible(window.get("max_operating_temperature_celsius"))
    margin = window.get("thermal_margin_celsius")
    implied = window.get("gpu_temperature_celsius") + margin
    agreed = np.abs(implied - usual) <= MARGIN_TOLERANCE_CELSIUS
    implied = np.where(agreed, implied, np.nan)
    return either(either(own, slowdown - gap), either(implied, usual))
