"""A GPU that works on at full clock while all its peers wait for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.company import Company
from gpuwatch.model.duration import Seconds
from gpuwatch.model.load import at_work
from gpuwatch.model.peers import FEWEST_PEERS
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.stride import Crew
from gpuwatch.model.verdict import Finding, Verdicts, Words, judged
from gpuwatch.model.window import Read, Window

CLOCK = "sm_clock_megahertz"
KEPT = "power_kept_percent"
PEERS_FELL = "peers_power_lost_percent"
# Own power may fall by so much of what the peers lost.
SAME_FALL = 0.5
CLOCK_TOLERANCE = 0.04
SPREADS = 5.0
MAD_TO_SIGMA = 1.4826
SPREAD_FLOOR = 0.01  # of 45 s means
MOMENT_FLOOR = 0.012  # of single samples
MOST_CULPRITS, MOST_SHARE = 2, 0.02
FEWEST_SIBLINGS = 4
SLOWED = 0.97


class BusyStraggler(Rule):
    """A GPU that works on at full clock while all its peers wait for it.

    What: The power of the job has fallen by 5 % or more against its own stride, and
    its work by 3 %; this GPU, at a normal clock, has kept at least half of what the
    others lost, and stands out of their spread and of its node: in means over 45 s, or
    in single samples where the job is known. At most two GPUs of a group, or one in
    fifty, can be meant, for when more keep their power, the work was shared out anew.

    Why: Slow memory, a bad PCIe or NVLink path or a busy host makes a GPU late without
    a lower clock. Its peers finish early and wait at 100 % utilisation with less power;
    the one that they wait for is the one that never rests.

    First response: Look for memory errors and row remaps, the PCIe link and NVLink
    errors of that GPU. Move the job off it after the next checkpoint, then run
    `dcgmi diag -r 3`.

    Source: In a synchronous job the work a second is the same for every rank, and only
    the waiting ones draw less power (straggler studies of ByteDance and Alibaba: the
    culprit of a collective is the one that waits least). Healthy spread of power
    between GPUs is up to 4 % in 15 s means.
    """

    class Params(RuleParams):
        """Thresholds of busy_straggler."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(30.0, ge=0, description="must be bad this long")
        fallen_percent: float = Field(
            5.0, gt=0, lt=100, description="power that the peers lost"
        )

    name = "busy_straggler"
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
        "row_remap",
        "pcie_degraded",
        "nvlink_down",
        "slow_host",
    )
    reads = (
        Read("utilization_percent", required=False),
        Read("power_limit_watts", required=False),
        Read(CLOCK),
        Read("power_watts", 60.0),
        Read("tensor_active_ratio", 60.0, required=False),
        Read("dram_active_ratio", required=False),
        Read("memory_temperature_celsius", required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Compare each GPU's power with its own stride; UNKNOWN without a stride."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(window.now.rows)
        busy = at_work(window) & window.now.present
        means = _rest(crew, busy, crew.stride.recent_watts, SPREAD_FLOOR)
        moment = _rest(crew, busy, window.get("power_watts"), MOMENT_FLOOR)
        settled, steady = crew.settled & busy, _steady(crew) & busy
        out = settled & self._stands_out(window, means, busy)
        out |= steady & self._stands_out(window, moment, busy)
        firing = out & (crew.pace <= SLOWED) & _at_usual_clock(window, crew)
        crowds = crew.company.crowds(firing, MOST_CULPRITS, MOST_SHARE)
        return judged(
            firing & ~crowds,
            np.where(settled, means.apart, np.where(steady, moment.apart, np.nan)),
            window.get(CLOCK),
            severity=crew.severity(self.params.severity),
            loaded=busy,
            evidence=_evidence(window, crew, means, moment, settled),
        )

    def _stands_out(self, window: Window, rest: _Rest, busy: Mask) -> Mask:
        """The peers rest, and this one does not: not beside them, nor in its node."""
        fell = rest.lost >= self.params.fallen_percent / 100
        least = np.maximum(SAME_FALL * rest.lost, SPREADS * rest.spread)
        apart = np.fmin(rest.apart, _apart_from_node(window, rest.own, busy))
        stands: Mask = fell & (apart >= least)
        return stands

    def explain(self, finding: Finding) -> Words:
        """How much the peers rest, and that this one does not."""
        fell = measured(finding.value(PEERS_FELL), "% less power")
        return Words(
            f"Late at full clock: its peers wait{fell}",
            "Look for memory errors, row remaps, the PCIe link and NVLink errors of "
            "this GPU. Move the job off it after the next checkpoint, then run "
            "dcgmi diag -r 3.",
        )


@dataclass(frozen=True)
class _Rest:
    """Power against the own stride, float64[rows].

    `own` as a share, `lost` by the median peer, `apart` own less the peers', `spread`
    the group's robust spread of that, with a floor, for healthy ones are too alike.
    """

    own: Column
    lost: Column
    apart: Column
    spread: Column


def _steady(crew: Crew) -> Mask:
    """Rows of which single samples count: of a known job, in no dip, not wandering."""
    stride, guessed = crew.stride, crew.company.inferred
    groups = stride.steady & stride.together & (stride.dipped_seconds == 0)
    return crew.company.rows_in(groups & ~guessed) & stride.calm


def _rest(crew: Crew, busy: Mask, watts: Column, floor: float) -> _Rest:
    company, stride = crew.company, crew.stride
    own = watts / np.where(stride.kept_watts > 0, stride.kept_watts, np.nan)
    medians = company.medians(np.where(busy, own, np.nan), FEWEST_PEERS)
    peers = company.spread(medians)
    apart = own - peers
    middle = company.spread(company.medians(np.where(busy, np.abs(apart), np.nan)))
    return _Rest(own, 1 - peers, apart, np.maximum(MAD_TO_SIGMA * middle, floor))


def _apart_from_node(window: Window, own: Column, busy: Mask) -> Column:
    """Own less the median of its node; NaN with fewer than four at work there."""
    nodes = window.now.fleet.node_of[: window.now.rows]
    house = Company(nodes, ("",) * len(window.now.fleet.nodes))
    return own - house.spread(
        house.medians(np.where(busy, own, np.nan), FEWEST_SIBLINGS)
    )


def _at_usual_clock(window: Window, crew: Crew) -> Mask:
    """Its own usual clock, though those who wait may clock higher now."""
    usual = crew.stride.kept_megahertz
    as_usual: Mask = ~(window.get(CLOCK) < usual * (1 - CLOCK_TOLERANCE))
    return as_usual


def _evidence(
    window: Window, crew: Crew, means: _Rest, moment: _Rest, settled: Mask
) -> dict[str, Column]:
    lost = np.where(settled, means.lost, moment.lost)
    return {
        KEPT: np.where(settled, means.own, moment.own) * 100,
        PEERS_FELL: np.where(lost > 0, lost * 100, np.nan),
        CLOCK: window.get(CLOCK),
        "power_watts": crew.stride.recent_watts,
        "dram_active_ratio": window.get("dram_active_ratio"),
        "memory_temperature_celsius": window.get("memory_temperature_celsius"),
    }
