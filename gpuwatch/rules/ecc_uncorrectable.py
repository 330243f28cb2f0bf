"""Uncorrectable (double bit) memory errors."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.causes import alive
from gpuwatch.model.duration import Seconds
from gpuwatch.model.rule import Kind, Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

VOLATILE, LIFETIME = "ecc_uncorrectable_volatile", "ecc_uncorrectable_lifetime"
LOOK_BACK_SECONDS = 600.0


class EccUncorrectable(Rule):
    """A GPU's memory lost data that its error correction could not bring back.

    What: the counter of uncorrectable ECC errors since driver load, or that of the
    board's life, rose since the last look; at the first look, within 10 minutes. A
    counter that starts anew with the driver is forgiven, and a lifetime count that
    stands still is normal on a repaired board.

    Why: the job that used the memory has crashed or computes with wrong numbers, and
    the row stays bad until the GPU is reset.

    First response: drain the node and reset the GPU, so that the bad row is remapped;
    if errors return, run `dcgmi diag -r 3` and have the board replaced.

    Source: every peer alerts on any increase (peers.md 5); resets: dcgm.md 4.
    """

    name = "ecc_uncorrectable"
    category = Category.MEMORY
    kind = Kind.EVENT
    samples = (1, 1)
    boot_grace = False
    yields_to = ("xid",)
    yields_within_seconds = 600.0
    reads = (
        Read(VOLATILE, LOOK_BACK_SECONDS),
        Read(LIFETIME, required=False),
    )

    class Params(RuleParams):
        """An error is an instant: nothing is held."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(0.0, ge=0, description="not used: an error is an instant")

    def judge(self, window: Window) -> Verdicts:
        """New errors per GPU since the last look; UNKNOWN with neither counter."""
        volatile, lifetime = alive(window, VOLATILE), alive(window, LIFETIME)
        before, before_lifetime = window.recall(VOLATILE), window.recall(LIFETIME)
        fresh = np.where(volatile >= before, volatile - before, volatile)
        unseen = np.isnan(before)
        if unseen.any():
            look_back = window.increase(VOLATILE, LOOK_BACK_SECONDS)
            fresh = np.where(unseen, look_back, fresh)
        aged = np.where(lifetime > before_lifetime, lifetime - before_lifetime, 0.0)
        errors = np.maximum(np.nan_to_num(fresh), aged)
        known = ~np.isnan(volatile) | ~np.isnan(lifetime)
        return Verdicts(
            firing=(errors > 0) & known,
            known=known,
            evidence={
                "new_uncorrectable_errors": np.where(errors > 0, errors, np.nan),
                "uncorrectable_errors_in_lifetime": lifetime,
            },
            keep={
                VOLATILE: np.where(np.isnan(volatile), before, volatile),
                LIFETIME: np.fmax(lifetime, before_lifetime),
            },
        )

    def explain(self, finding: Finding) -> Words:
        """How many, and the reset that remaps the row."""
        errors = finding.value("new_uncorrectable_errors", 0.0)
        summary = "Uncorrectable memory errors"
        if errors == 1:
            summary = "Uncorrectable memory error"
        elif errors > 1:
            summary = f"{errors:.0f} uncorrectable memory errors"
        return Words(
            summary,
            "Drain the node and reset the GPU so that the bad row is remapped. If more "
            "follow, run dcgmi diag -r 3 and have the board replaced.",
        )
