"""NVLinks that recover, replay, or carry broken packets."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from gpuwatch.model.causes import KEPT_CAUSES, Cause, weighed
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category
from gpuwatch.model.snapshot import Column
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window

RECOVERY_SECONDS, RATE_SECONDS = 600.0, 120.0
RECOVERIES, FAILURES = "nvlink_recovery_errors", "nvlink_recovery_failures"
REPLAYS, CRC = "nvlink_replay_errors", "nvlink_crc_errors"


class NvlinkErrors(Rule):
    """A GPU's NVLinks drop out and come back, or repeat many packets.

    What: a link recovery, or one that failed, within 10 minutes; or 100 replays or CRC
    errors a second over 2 minutes. The 10 minutes after a boot do not count.

    Why: every recovery stalls the traffic between GPUs, and collectives with it; a link
    that recovers today is often down tomorrow.

    First response: run `nvidia-smi nvlink -e` on the node and see whether one link has
    all the errors; drain and reset the GPUs after the job, check seating and cables.

    Source: DCGM's health check: CRC 100/s, recovery any; peers.md 5; NVSentinel issue
    1701: 214 link alarms at reboots, none of them real.
    """

    name = "nvlink_errors"
    category = Category.INTERCONNECT
    yields_to = ("xid", "nvlink_down")
    reads = (
        Read(RECOVERIES, RECOVERY_SECONDS),
        Read(FAILURES, RECOVERY_SECONDS, required=False),
        Read(REPLAYS, RATE_SECONDS, required=False),
        Read(CRC, RATE_SECONDS, required=False),
    )

    class Params(RuleParams):
        """Thresholds of nvlink_errors."""

        replays_per_second: float = Field(
            100.0, gt=0, description="replays a second over 2 minutes"
        )
        crc_errors_per_second: float = Field(
            100.0, gt=0, description="CRC errors a second over 2 minutes"
        )

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Any of the four counters; UNKNOWN where none has two readings."""
        replays, crc = _rate(window, REPLAYS), _rate(window, CRC)
        recoveries = window.increase(RECOVERIES, RECOVERY_SECONDS)
        failures = window.increase(FAILURES, RECOVERY_SECONDS)
        found = weighed(
            [
                _cause(recoveries > 0, recoveries, self.params),
                _cause(failures > 0, failures, self.params),
                _cause(replays >= self.params.replays_per_second, replays, self.params),
                _cause(crc >= self.params.crc_errors_per_second, crc, self.params),
            ],
            window.recall(KEPT_CAUSES),
        )
        return Verdicts(
            firing=found.firing,
            known=found.known,
            evidence=_shown(
                {
                    "link_recoveries_in_10_minutes": recoveries,
                    "failed_link_recoveries_in_10_minutes": failures,
                    "replays_per_second": replays,
                    "crc_errors_per_second": crc,
                }
            ),
            keep={KEPT_CAUSES: found.bits},
        )

    def explain(self, finding: Finding) -> Words:
        """The worst of the four."""
        if finding.value("failed_link_recoveries_in_10_minutes", 0.0) > 0:
            summary = "NVLink failed to recover"
        elif finding.value("link_recoveries_in_10_minutes", 0.0) > 0:
            summary = "NVLink dropped out and recovered"
        elif finding.value("crc_errors_per_second", 0.0) > 0:
            summary = "Many CRC errors on NVLink"
        else:
            summary = "Many repeated packets on NVLink"
        return Words(
            summary,
            "Run nvidia-smi nvlink -e on the node: one bad link points to its cable or "
            "seat. Drain and reset the GPUs after the job.",
        )


def _rate(window: Window, metric: str) -> Column:
    span = window.span(metric, RATE_SECONDS)
    return window.increase(metric, RATE_SECONDS) / np.where(span > 0, span, np.nan)


def _cause(fires: np.ndarray, value: Column, params: RuleParams) -> Cause:
    return Cause(fires, ~np.isnan(value), params.severity)


def _shown(evidence: Mapping[str, Column]) -> Mapping[str, Column]:
    return {n: np.where(value > 0, value, np.nan) for n, value in evidence.items()}
