"""What a job is: its layout, its timetable and the constants drawn for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

JobKind = Literal["dp", "tppp", "moe", "offload", "inference"]


@dataclass(frozen=True)
class JobPlan:
    """One job on whole nodes (indices from 0); times count from the scenario's start.

    Args:
        kind: `dp` all ranks alike; `tppp` pipeline stages by node that differ by up to
            15 % in power and 47 % in tensor activity; `moe` experts whose load drifts
            over minutes; `offload` ranks that are often starved; `inference` GPUs on
            their own, each with its own duty cycle.
        capped: whether a working GPU meets its power limit.
        start_seconds: negative = it ran before the scenario began.
        checkpoint_period_seconds: 0 = no checkpoints; likewise evaluations.
        restarts: (at, seconds down) of planned stops after which it starts again.
    """

    name: str
    nodes: tuple[int, ...]
    kind: JobKind = "dp"
    capped: bool = True
    start_seconds: float = -7200.0
    end_seconds: float | None = None
    checkpoint_period_seconds: float = 600.0
    checkpoint_seconds: float = 30.0
    evaluation_period_seconds: float = 0.0
    evaluation_seconds: float = 120.0
    restarts: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Spread:
    """How far healthy ranks lie apart, as relative standard deviations.

    `own` never changes (role, silicon), `moment` is new in every interval mean. Of
    eight GPUs the worst is some 1.7 times `own` off, as in straggler.md section 3.2.
    """

    own: float
    moment: float


# straggler.md section 3.2, its p50 / 1.7 and (p99 - p50) / 2
_SPREADS: dict[str, dict[str, Spread]] = {
    "capped": {
        "power": Spread(0.0035, 0.0015),
        "tensor": Spread(0.013, 0.006),
        "dram": Spread(0.004, 0.004),
        "sm": Spread(0.008, 0.005),
        "nvlink": Spread(0.08, 0.05),
        "util": Spread(0.0, 0.001),
    },
    "dp": {
        "power": Spread(0.021, 0.003),
        "tensor": Spread(0.004, 0.004),
        "dram": Spread(0.003, 0.003),
        "sm": Spread(0.013, 0.008),
        "nvlink": Spread(0.005, 0.02),
        "util": Spread(0.012, 0.02),
    },
    "tppp": {
        "power": Spread(0.018, 0.003),
        "tensor": Spread(0.009, 0.01),
        "dram": Spread(0.009, 0.01),
        "sm": Spread(0.03, 0.008),
        "nvlink": Spread(0.01, 0.008),
        "util": Spread(0.004, 0.003),
    },
    "offload": {
        "power": Spread(0.018, 0.012),
        "tensor": Spread(0.06, 0.05),
        "dram": Spread(0.055, 0.06),
        "sm": Spread(0.06, 0.05),
        "nvlink": Spread(0.055, 0.045),
        "util": Spread(0.12, 0.12),
    },
}
_SPREADS["moe"] = _SPREADS["tppp"]
_SPREADS["inference"] = _SPREADS["offload"]


@dataclass(frozen=True)
class Character:
    """A job's constants: drawn per seed, so that none of them can be tuned to.

    Args:
        communication_share: of a healthy step, not shortened by a faster clock.
        memory_share: of the computing time, which the SM clock does not change.
        spin_watts, hung_watts, dip_watts: while waiting inside a step, in a hang, in a
            checkpoint.
        free_share: the extra waiting at which a capped GPU's clock reaches its maximum.
        power_exponent, static_share: how power goes with a forced clock, and the part
            of it that does not.
        gauge_sigma: relative noise of POWER_USAGE, which is no interval mean.
        spin_glimpse: how often a sample catches a capped GPU between two kernels, at
            full clock.
        util_lumps: how many starts and stops one GPU_UTIL sample sees.
        stages, drift: pipeline stages; experts' load (relative sd, seconds).
        skew_seconds: how far apart its nodes leave a pause.
    """

    communication_share: float
    memory_share: float
    spin_watts: float
    hung_watts: float
    dip_watts: float
    load_share: float
    free_share: float
    power_exponent: float
    static_share: float
    gauge_sigma: float
    spin_glimpse: float
    util_percent: float
    util_lumps: float
    tensor: float
    dram: float
    sm: float
    spin_sm: float
    nvlink_mb: float
    pcie_bytes: float
    rail_bytes: float
    stages: int
    rank_zero_loss: float
    drift_sigma: float
    drift_seconds: float
    diurnal: float
    skew_seconds: float
    start_seconds: float
    ramp_seconds: float
    timeout_seconds: float
    spreads: dict[str, Spread]


def draw_character(
    rng: np.random.Generator, plan: JobPlan, cap_watts: float
) -> Character:
    """Draw a job's constants; the ranges are given in docs/simulation.md."""

    def within(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    spreads = _SPREADS["capped" if plan.capped and plan.kind == "dp" else plan.kind]
    loud = within(0.7, 1.3)
    moe = plan.kind == "moe"
    load = within(0.55, 0.85)
    working = cap_watts if plan.capped else load * cap_watts
    return Character(
        communication_share=within(0.05, 0.35),
        memory_share=within(0.05, 0.35),
        spin_watts=within(110, min(350, 0.7 * working)),
        hung_watts=within(110, 160),
        dip_watts=within(110, 220),
        load_share=load,
        free_share=within(0.04, 0.2),
        power_exponent=within(1.5, 2.3),
        static_share=within(0.2, 0.35),
        gauge_sigma=within(0.003, 0.01) if plan.capped else within(0.012, 0.04),
        spin_glimpse=within(0, 0.02) if plan.capped else 0.0,
        util_percent=99.7 if plan.capped else within(95, 99.5),
        util_lumps=within(4, 40),
        tensor=within(0.28, 0.5),
        dram=within(0.2, 0.45),
        sm=within(0.6, 0.85),
        spin_sm=within(0.12, 0.3),
        nvlink_mb=within(40_000, 200_000),
        pcie_bytes=within(5e8, 4e9),
        rail_bytes=within(2e9, 2e10),
        stages=int(rng.choice([2, 4])) if plan.kind == "tppp" else 1,
        rank_zero_loss=within(0.05, 0.11),
        drift_sigma=within(0.02, 0.06) if moe else 0.0,
        drift_seconds=within(120, 600),
        diurnal=within(0.005, 0.02),
        skew_seconds=within(1, 20),
        start_seconds=within(40, 240),
        ramp_seconds=within(10, 90),
        timeout_seconds=within(180, 900),
        spreads={k: Spread(s.own * loud, s.moment * loud) for k, s in spreads.items()},
    )
