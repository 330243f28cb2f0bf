"""The XID catalogue: what each NVIDIA driver error code means, and what to do first."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

from gpuwatch.model.severity import Severity


@dataclass(frozen=True, slots=True)
class XidCode:
    """One code.

    Args:
        code: the number in the kernel log after "NVRM: Xid".
        name: NVIDIA's own name.
        severity: by NVIDIA's action bucket (design.md, section 3): reset, reboot and
            replace are critical, contained and inspect a warning, restart-app and
            ignore info.
        bucket: NVIDIA's immediate action, verbatim; NONE where the sheet has none.
        title: the symptom in at most six words.
        action: what to do first, in plain words.
    """

    code: int
    name: str
    severity: Severity
    bucket: str
    title: str
    action: str


@cache
def xid_catalogue() -> dict[int, XidCode]:
    """All known codes, from the package's own xid.csv.

    Source: NVIDIA's XID catalogue of October 2025 (172 codes) by way of gpud, and 173
    from the driver's later notes; dcgm.md section 7.1.
    """
    text = resources.files("gpuwatch.model").joinpath("xid.csv").read_text()
    return {int(row["xid"]): _code(row) for row in csv.DictReader(text.splitlines())}


def _code(row: dict[str, str]) -> XidCode:
    return XidCode(
        code=int(row["xid"]),
        name=row["name"],
        severity=Severity.parse(row["severity"]),
        bucket=row["bucket"],
        title=row["title"],
        action=row["action"],
    )


def xid_meaning(code: int) -> XidCode:
    """What a code means; one that no catalogue knows is a warning to be looked at."""
    return xid_catalogue().get(code) or XidCode(
        code=code,
        name="UNKNOWN",
        severity=Severity.WARNING,
        bucket="NONE",
        title="unknown code",
        action="Read the kernel log line; look the code up in NVIDIA's XID catalogue",
    )
