"""Small words for rules: a number with its unit, or nothing."""

from __future__ import annotations

import math


def measured(value: float, unit: str, lead: str = ", ") -> str:
    """`, 91 °C`; empty where the value is not known."""
    return "" if math.isnan(value) else f"{lead}{value:.0f} {unit}"
