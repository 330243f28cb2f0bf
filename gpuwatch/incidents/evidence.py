"""Evidence as people read it: decoded, with its unit, beside the peers' median."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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


def told_evidence(
    evidence: Mapping[str, float], peers: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    """(name, text) for each reading, in the rule's order."""
    for name, value in evidence.items():
        decode = _DECODED.get(name)
        if decode is not None:
            yield "Throttle reasons", decode(int(value))
            continue
        label, unit = _label(name)
        peer = peers.get(name)
        beside = f" (peers {_number(peer)}{unit})" if peer is not None else ""
        yield label, f"{_number(value)}{unit}{beside}"


def _label(name: str) -> tuple[str, str]:
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
