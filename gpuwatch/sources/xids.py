"""XIDs: the sticky gauge and the exporter's own count, as one table.

A series of the gauge carries the code as its value, one of the count as its `xid`
label. Where the count is exported it is the source: the gauge only knows the last
code, for ever. Health looks different by generation (dcgm.md 7): the gauge is 0, or
there is no gauge series at all; so a GPU that is alive counts as known when its node
exports either, or when the gauge's name is known anywhere in the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gpuwatch.model.metric import catalogue
from gpuwatch.model.snapshot import Xids
from gpuwatch.sources.blocks import Block, Flags, Indices, Matrix
from gpuwatch.sources.decode import blanks, impossible

XID, XID_COUNT = "xid", "xid_count"
CAUSE_LABELS = ("err_code",)
CODE_LABEL = "xid"


def _no_rows() -> Indices:
    return np.empty(0, np.int64)


def _no_values() -> Matrix:
    return np.empty((1, 0))


@dataclass(frozen=True)
class XidTable:
    """Rows int64[n], codes and counts float64[steps, n]; a code of NaN = not then."""

    rows: Indices = field(default_factory=_no_rows)
    codes: Matrix = field(default_factory=_no_values)
    counts: Matrix = field(default_factory=_no_values)

    def at(self, step: int, counted: Flags) -> Xids:
        """The table of one step; `counted`: rows where the gauge has no say."""
        if len(self.rows) == 0:
            return Xids()
        codes, counts = self.codes[step], self.counts[step]
        shadowed = np.isnan(counts) & counted[self.rows]
        keep = np.flatnonzero(~np.isnan(codes) & ~shadowed)
        # Counted entries first, so that of two alike the one with a count stays.
        keep = keep[np.argsort(np.isnan(counts[keep]), kind="stable")]
        pairs = np.stack([self.rows[keep], codes[keep].astype(np.int64)], axis=1)
        _, first = np.unique(pairs, axis=0, return_index=True)
        chosen = keep[first]
        code = codes[chosen].astype(np.int64)
        return Xids(row=self.rows[chosen], code=code, count=counts[chosen])

    @classmethod
    def joined(cls, tables: Sequence[XidTable]) -> XidTable:
        """Several sources' entries as one table."""
        some = [table for table in tables if len(table.rows)]
        if not some:
            return cls()
        return cls(
            np.concatenate([table.rows for table in some]),
            np.concatenate([table.codes for table in some], axis=1),
            np.concatenate([table.counts for table in some], axis=1),
        )


def of_gauge(block: Block, rows: Indices) -> tuple[XidTable, Indices]:
    """Entries of the gauge; and how many values were no code, int64[steps]."""
    metric = catalogue()[XID]
    whole = np.mod(block.values, 1) == 0
    bad = blanks(block.values, metric) | impossible(block.values, metric)
    bad |= ~whole & ~np.isnan(block.values)
    codes = np.where(bad | (block.values == 0), np.nan, block.values)
    return XidTable(rows, codes, np.full_like(codes, np.nan)), bad.sum(axis=1)


def of_count(block: Block, rows: Indices) -> tuple[XidTable, Indices]:
    """Entries of the windowed count; and how many had no code, int64[steps]."""
    metric = catalogue()[XID_COUNT]
    bad = blanks(block.values, metric) | impossible(block.values, metric)
    counts = np.where(bad | (block.values == 0), np.nan, block.values)
    named = np.array([_code(one.get(CODE_LABEL, "")) for one in block.labels])
    codes = np.where(np.isnan(counts), np.nan, named.reshape(1, -1))
    bad |= np.isnan(codes) & ~np.isnan(counts)
    return XidTable(rows, codes, np.where(np.isnan(codes), np.nan, counts)), bad.sum(
        axis=1
    )


def _code(text: str) -> float:
    """The code; NaN for exporter 4.8.0's blank, and for whatever else is none."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        return np.nan
    code = float(text)
    return code if 0 < code <= catalogue()[XID].high else np.nan
