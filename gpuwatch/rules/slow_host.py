"""A node, or one GPU, that is starved: less busy than its job at full clock."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.starved import KEEPS, READS, starved
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window

LESS_BUSY = "less_busy_percent"
LESS_POWER = "less_power_percent"
MOST_CULPRITS = 16  # two nodes
MOST_SHARE = 0.15


class SlowHost(Rule):
    """A GPU that waits for its host: less busy than its job, at a normal clock.

    What: Utilisation 8 % below the GPU's usual place in its job over 45 s, and power no
    higher than that of the job, with a normal clock and no throttle bit, while the job
    has lost 3 % of its pace. Only GPUs whose utilisation was steady before are judged:
    inference and offload jobs wander by themselves. All GPUs of a node together are one
    finding: the host. When more than two nodes and 15 % of a job are less busy, the
    work was shared out anew, and nobody is meant.

    Why: A data loader, a busy CPU, a slow PCIe path or a swapping host leaves the GPU
    without work, and everybody else in the job waits for it at 100 % utilisation.

    First response: On the host: CPU load, I/O wait, memory pressure, PCIe errors in
    `dmesg`, the data loader's processes. Move the job off the node if it stays so.

    Source: Guard (Amazon) and Minder (ByteDance): CPU scheduling alone slows a job at
    an unchanged GPU clock; healthy nodes differ by up to 5 % in utilisation in 15 s
    means. Power alone tells little: those who wait spin, and may draw less than the
    culprit.
    """

    class Params(RuleParams):
        """Thresholds of slow_host."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(30.0, ge=0, description="must be bad this long")
        less_busy_percent: float = Field(
            8.0, gt=0, lt=100, description="utilisation below its usual place"
        )

    name = "slow_host"
    category = Category.STRAGGLER
    statistical = True
    symptom = True
    load_dependent = True
    slows_job = True
    samples = (3, 4)
    yields_to = (
        "thermal_slowdown",
        "power_brake",
        "hw_slowdown",
        "straggler",
        "xid",
        "ecc_uncorrectable",
        "gpu_missing",
        "node_silent",
        "pcie_degraded",
        "nvlink_down",
    )
    reads = READS
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Compare with the job and with before; UNKNOWN without a stride."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(window.now.rows)
        found = starved(window, crew, self.params.less_busy_percent / 100)
        crowds = crew.company.crowds(found.firing, MOST_CULPRITS, MOST_SHARE)
        return Verdicts(
            firing=found.firing & ~crowds,
            known=found.known,
            severity=crew.severity(self.params.severity),
            loaded=found.busy,
            evidence={
                LESS_BUSY: np.where(found.less_busy > 0, found.less_busy * 100, np.nan),
                LESS_POWER: np.where(
                    found.less_power > 0, found.less_power * 100, np.nan
                ),
                "utilization_percent": window.get("utilization_percent"),
                "power_watts": crew.stride.recent_watts,
                "sm_clock_megahertz": window.get("sm_clock_megahertz"),
            },
            keep={name: found.keep[name] for name in KEEPS},
        )

    def explain(self, finding: Finding) -> Words:
        """How much less busy, and whether it is the whole node."""
        less = measured(finding.value(LESS_BUSY), "%", " ")
        who = "Host is slow: GPUs" if len(finding.members) > 2 else "Starved: GPU"
        return Words(
            f"{who}{less} less busy than the job",
            "Look at the host: CPU load, I/O wait, memory, PCIe errors in dmesg, the "
            "data loader. Move the job off the node if it stays so.",
        )
