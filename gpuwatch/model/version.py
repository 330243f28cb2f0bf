"""Versions as numbers, so that they fit into a column; and back as text.

A driver's `550.54.15` is 550 054 015, a VBIOS's `96.00.74.00.1A` its hexadecimal
digits. What is written otherwise becomes a number that only equals itself.
"""

from __future__ import annotations

import re
from zlib import crc32

_DRIVER = re.compile(r"(\d{1,4})\.(\d{1,3})(?:\.(\d{1,3}))?")
_VBIOS = re.compile(r"[0-9A-Fa-f]{2}(\.[0-9A-Fa-f]{2}){4}")
# Above every VBIOS (2^40), and still exact in float64.
STRANGE = 2.0**42


def driver_code(text: str) -> float:
    """The number of a driver version."""
    found = _DRIVER.fullmatch(text.strip())
    if found is None:
        return _strange(text)
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major * 1e6 + minor * 1e3 + patch


def driver_text(code: float) -> str:
    """`550.54.15`, or `another version`."""
    if not code < STRANGE:
        return "another version"
    major, rest = divmod(int(code), 1_000_000)
    minor, patch = divmod(rest, 1000)
    return f"{major}.{minor:02d}.{patch:02d}"


def vbios_code(text: str) -> float:
    """The number of a VBIOS version."""
    whole = text.strip()
    if _VBIOS.fullmatch(whole) is None:
        return _strange(whole)
    return float(int(whole.replace(".", ""), 16))


def vbios_text(code: float) -> str:
    """`96.00.74.00.1A`, or `another version`."""
    if not code < STRANGE:
        return "another version"
    digits = f"{int(code):010X}"
    return ".".join(digits[i : i + 2] for i in range(0, 10, 2))


def _strange(text: str) -> float:
    return STRANGE + crc32(text.encode(errors="surrogatepass"))
