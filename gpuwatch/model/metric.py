"""The metric catalogue: each quantity once, with every name it goes by."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Absence(StrEnum):
    """What no series means: nothing, or zero on nodes proven to export it."""

    UNKNOWN = "unknown"
    ZERO = "zero"


class Pace(StrEnum):
    """FAST every cycle; SLOW now and then; SPARSE every cycle, non-zero only."""

    FAST = "fast"
    SLOW = "slow"
    SPARSE = "sparse"


RATIO = "ratio"


@dataclass(frozen=True, slots=True)
class SourceName:
    """A name that exporters use, and how its values become ours.

    `scale` multiplies; None: a `*_RATIO` name whose unit (0-1 or 0-100) the name
    does not give (dcgm.md 1.2), to be found from the values. `equals`: count the
    entities in that state instead.
    """

    name: str
    scale: float | None = 1.0
    equals: float | None = None


@dataclass(frozen=True, slots=True)
class Metric:
    """One quantity. Values outside [low, high] are impossible and become absent."""

    name: str
    unit: str
    kind: str
    scope: str
    absence: Absence
    pace: Pace
    low: float
    high: float
    names: tuple[SourceName, ...]
    meaning: str


def _source_name(text: str) -> SourceName:
    if "==" in text:
        name, state = text.split("==")
        return SourceName(name, equals=float(state))
    name, _, factor = text.partition("*")
    if factor == RATIO:
        return SourceName(name, scale=None)
    return SourceName(name, scale=float(factor or 1))


def _metric(row: dict[str, str]) -> Metric:
    return Metric(
        name=row["metric"],
        unit=row["unit"],
        kind=row["kind"],
        scope=row["scope"],
        absence=Absence(row["absence"]),
        pace=Pace(row["pace"]),
        low=float(row["low"]),
        high=float(row["high"]),
        names=tuple(_source_name(text) for text in row["names"].split(";")),
        meaning=row["meaning"],
    )


@cache
def catalogue() -> dict[str, Metric]:
    """All metrics by logical name, from the package's own catalogue.csv."""
    text = resources.files("gpuwatch.model").joinpath("catalogue.csv").read_text()
    return {row["metric"]: _metric(row) for row in csv.DictReader(text.splitlines())}


@cache
def by_source_name() -> dict[str, tuple[Metric, SourceName]]:
    """The catalogue by exporter name, lower-cased (OpenTelemetry lower-cases)."""
    return {
        source.name.lower(): (metric, source)
        for metric in catalogue().values()
        if metric.scope != "node"
        for source in metric.names
    }


_INT64_BLANK = 9.2e18
_FP64_BLANK = 1.4e14
_INT32_BLANK = (2147483632.0, 2147483635.0)


def is_sentinel(value: float, metric: Metric) -> bool:
    """Whether DCGM says "blank" with this number (dcgm.md 1.3).

    Counters that may legally reach 1.4e14 are spared the float64 test.
    """
    if value >= _INT64_BLANK:
        return True
    if _INT32_BLANK[0] <= value <= _INT32_BLANK[1] and metric.high < _INT32_BLANK[0]:
        return True
    return value >= _FP64_BLANK and metric.kind != "counter"
