"""What a GPU model can bear, for devices that do not export their own limits.

DCGM does not export the T.Limit offset at which the hardware slows down, so a tool
that sees only Prometheus must bring it along (dcgm.md section 10).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from gpuwatch.model.fleet import Fleet
from gpuwatch.model.snapshot import Column

NAN = float("nan")
SLOWDOWN_ABOVE_OPERATING_CELSIUS = 2.0


@dataclass(frozen=True, slots=True)
class Limits:
    """NaN where no figure is known.

    Args:
        operating_celsius: where software slowdown begins (T.Limit 0).
        slowdown_celsius: where the hardware halves the clocks.
        memory_operating_celsius: where software slowdown for HBM begins.
        power_limit_watts: the board's default power limit.
    """

    operating_celsius: float = NAN
    slowdown_celsius: float = NAN
    memory_operating_celsius: float = NAN
    power_limit_watts: float = NAN


@dataclass(frozen=True)
class LimitColumns:
    """The limits of every GPU's model, float64[rows]; NaN where unknown."""

    operating_celsius: Column
    slowdown_celsius: Column
    memory_operating_celsius: Column
    power_limit_watts: Column


@cache
def limits_of(model: str) -> Limits:
    """The limits of a model by its name, such as `NVIDIA H100 80GB HBM3`.

    Whole words decide, never parts of one: GH200 is no H200, GB200 no B200, T400 no
    T4. Of several fitting rows the one with the most words wins (`H100 PCIE`).
    """
    words = set(re.split(r"[^A-Z0-9]+", model.upper()))
    fitting = [(len(row), limits) for row, limits in _table() if row <= words]
    return max(fitting, key=lambda found: found[0])[1] if fitting else Limits()


def limit_columns(fleet: Fleet, rows: int) -> LimitColumns:
    """The table spread over the first `rows` GPUs of a fleet."""
    codes, models = model_codes(fleet, rows)
    known = [limits_of(model) for model in models]

    def spread(name: str) -> Column:
        values = np.array([getattr(limits, name) for limits in known], dtype=np.float64)
        return values[codes]

    return LimitColumns(
        operating_celsius=spread("operating_celsius"),
        slowdown_celsius=spread("slowdown_celsius"),
        memory_operating_celsius=spread("memory_operating_celsius"),
        power_limit_watts=spread("power_limit_watts"),
    )


def model_codes(fleet: Fleet, rows: int) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """For each GPU row an index into the models seen, int64[rows], and the models."""
    codes, models = fleet.models
    return codes[:rows], models


@cache
def _table() -> tuple[tuple[frozenset[str], Limits], ...]:
    text = resources.files("gpuwatch.model").joinpath("limits.csv").read_text("utf-8")
    return tuple(
        (frozenset(row["model"].split()), _limits(row))
        for row in csv.DictReader(text.splitlines())
    )


def _limits(row: dict[str, str]) -> Limits:
    return Limits(
        operating_celsius=float(row["operating_celsius"] or NAN),
        slowdown_celsius=float(row["slowdown_celsius"] or NAN),
        memory_operating_celsius=float(row["memory_operating_celsius"] or NAN),
        power_limit_watts=float(row["power_limit_watts"] or NAN),
    )
