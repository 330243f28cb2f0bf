"""A sensor near or beyond its limit for a while; for the GPU and for its memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import RuleParams
from gpuwatch.model.severity import Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.sustained import sustained
from gpuwatch.model.window import Window

LONGEST_WINDOW_SECONDS = 300.0
LASTING_SHARE = 0.8
LOWEST_PLAUSIBLE_CELSIUS = 60.0


class HeatParams(RuleParams):
    """Thresholds of a temperature rule.

    `hold` is 0 because the rule looks back over its own two windows.
    """

    severity: Severity = Severity.CRITICAL
    hold: Seconds = Field(0.0, ge=0, description="must be bad this long, in addition")
    near_celsius: float = Field(
        3.0, ge=0, description="so close to the operating limit is a warning"
    )
    near_for: Seconds = Field(
        300.0,
        ge=30,
        le=LONGEST_WINDOW_SECONDS,
        description="how long near the limit before it is a warning",
    )
    beyond_for: Seconds = Field(
        120.0,
        ge=30,
        le=LONGEST_WINDOW_SECONDS,
        description="how long beyond the limit before it is critical",
    )


@dataclass(frozen=True)
class Heat:
    """Who is too hot, bool[rows], and since when (Unix seconds, NaN = not)."""

    near: Mask
    beyond: Mask
    since: Column

    @property
    def any(self) -> Mask:
        """Near or beyond."""
        return self.near | self.beyond

    def severity(self, params: HeatParams) -> NDArray[np.int64]:
        """The rule's own beyond the limit, a warning at most near it."""
        quiet = min(params.severity, Severity.WARNING)
        return np.where(self.beyond, params.severity, quiet).astype(np.int64)


def heat(
    window: Window,
    metric: str,
    operating_celsius: Column,
    slowdown_celsius: Column,
    params: HeatParams,
) -> Heat:
    """Compare a temperature's recent readings with its limits.

    It must hold now and in 80 % of the time, so that one cooler reading of a fan that
    hunts does not start the time again.
    """
    now = window.get(metric)
    nearly = operating_celsius - params.near_celsius
    close = sustained(window, metric, params.near_for, lambda v: v >= nearly)
    over = sustained(window, metric, params.beyond_for, lambda v: v > slowdown_celsius)
    near = close.lasted(params.near_for, LASTING_SHARE) & (now >= nearly)
    beyond = over.lasted(params.beyond_for, LASTING_SHARE) & (now > slowdown_celsius)
    since = np.where(near, close.first_at, np.where(beyond, over.first_at, np.nan))
    return Heat(near, beyond, since)


def plausible(limit_celsius: Column) -> Column:
    """An exported limit, NaN where it cannot be one.

    The absolute limits are deprecated on Ada and later and may read 0; a laptop part
    was seen to state 57 °C.
    """
    return np.where(limit_celsius >= LOWEST_PLAUSIBLE_CELSIUS, limit_celsius, np.nan)


def either(first: Column, second: Column | float) -> Column:
    """The first where it is known, else the second."""
    return np.where(np.isnan(first), second, first)
