"""Evidence as people read it: decoded, with its unit, beside the peers' median."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gpuwatch.incidents.plight import TOLD_HERE
from gpuwatch.model.duration import say_duration
from gpuwatch.model.throttle import decoded

_UNITS = {
    "celsius": "°C",
    "megahertz": "MHz",
    "watts": "W",
    "percent": "%",
    "seconds": "s",
    "minutes": "min",
    "joules": "J",
    "lanes": "lanes",
}
_DECODED = {"throttle_reasons": decoded}
_SPANS = {"hours": 3600.0, "days": 86_400.0}
# Names that do not read well by themselves: label and unit.
_LABELS = {
    "above_expected_celsius": ("Above what slot and power explain", " °C"),
    "celsius_per_hour": ("Rising by", " °C an hour"),
    "clock_lost_percent": ("Clock below its peers", " %"),
    "errors_on_last_day": ("Errors on the last day", ""),
    "expected_throughput": ("Usual throughput", ""),
    "growth_a_day": ("Growth a day", ""),
    "left_to_slowdown_celsius": ("Left to the slowdown limit", " °C"),
    "less_busy_percent": ("Less busy than usual in its job", " %"),
    "less_power_percent": ("Less power than usual in its job", " %"),
    "lost_percent": ("Below its usual throughput", " %"),
    "memory_clock_lost_percent": ("Memory clock below its peers", " %"),
    "node_above_others_celsius": ("Node above other nodes", " °C"),
    "node_rise_celsius": ("Node hotter than it was by", " °C"),
    "peers_power_lost_percent": ("Power that its peers lost", " %"),
    "power_kept_percent": ("Power that it kept", " %"),
    "power_of_limit_percent": ("Power, of its limit", " %"),
    "rise_celsius": ("Hotter than it was by", " °C"),
    "rows_a_day": ("Rows remapped a day", ""),
}


def told_evidence(
    evidence: Mapping[str, float], peers: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """(name, text) for each reading, in the rule's order.

    What concerns the job is left to its own line (plight.py).
    """
    for name, value in evidence.items():
        if name in TOLD_HERE:
            continue
        decode = _DECODED.get(name)
        if decode is not None:
            yield "Throttle reasons", decode(int(value))
            continue
        if name.partition("_to_")[0] in _SPANS:
            yield _time_left(name, value)
            continue
        label, unit = _label(name)
        peer = peers.get(name)
        beside = f" (peers {_number(peer)}{unit})" if peer is not None else ""
        yield label, f"{_number(value)}{unit}{beside}"


def _time_left(name: str, value: float) -> tuple[str, str]:
    """`days_to_last_row` as how long it is until then."""
    unit, _, until = name.partition("_to_")
    left = say_duration(value * _SPANS[unit])
    return f"Time left to {until.replace('_', ' ')}", left


def _label(name: str) -> tuple[str, str]:
    if name in _LABELS:
        return _LABELS[name]
    stem, _, last = name.rpartition("_")
    unit = _UNITS.get(last)
    words = (stem if unit else name).replace("_", " ")
    for field in ("gpu", "sm", "hbm", "ecc", "xid", "pcie", "nvlink", "uuid"):
        words = " ".join(w.upper() if w == field else w for w in words.split())
    return words[:1].upper() + words[1:], f" {unit}" if unit else ""


def _number(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
