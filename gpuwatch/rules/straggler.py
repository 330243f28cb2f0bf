"""A GPU whose clock is lower than that of its peers, with or without a reason."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from gpuwatch.model.company import Company
from gpuwatch.model.load import at_work
from gpuwatch.model.peers import (
    LEARNED_SECONDS,
    Habit,
    beside,
    passed_seconds,
)
from gpuwatch.model.phrase import measured
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.snapshot import Column, Mask
from gpuwatch.model.stride import Crew
from gpuwatch.model.throttle import HARDWARE, SW_POWER_CAP
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window, has_bits

CLOCK = "sm_clock_megahertz"
MEMORY_CLOCK = "memory_clock_megahertz"
REASONS = "throttle_reasons"
LOST = "clock_lost_percent"
MEMORY_LOST = "memory_clock_lost_percent"
HABIT = Habit("clock")
# A single sample of an idle state between two steps (345 of 1980 MHz) is no fault.
IDLE_CLOCK_SHARE = 0.2
CRITICAL_LOSS = 0.20
# Once suspected, a GPU is clear only when it is clearly better.
HYSTERESIS = 0.7
# Against peers alone, before the own usual offset is known.
STRANGER = 1.5
PEER_SHARE = 0.65
# While the job is slow, those who wait clock as never else: nothing is learned of it.
AS_USUAL = 0.95
HOTTER_CELSIUS = 15.0
WELL_KNOWN_SECONDS = 600.0
# So many of a group cannot all be stragglers.
MOST_SUSPECTS = 0.4
FAR_BELOW = 0.8


class Straggler(Rule):
    """A GPU whose clock is lower than that of its peers, without a throttle bit.

    What: At work, the SM clock is 8 % below the GPU's usual place among the GPUs of
    the same job, model and power limit, and below those peers themselves; 10 % where
    the power cap limits it or nobody exports throttle reasons, for healthy silicon
    differs by 6-8 % under a cap; half as much again before its usual place is known
    (two minutes). Or its memory clock is 5 % below that of its peers. Not judged in a
    checkpoint, an evaluation or a start, and with fewer than six peers at work.
    Critical from 20 %, or when the job has lost 10 % of its pace.

    Why: In a synchronous job everybody waits for the slowest GPU, at 100 % utilisation
    and full clock. A locked clock, a failing regulator or a power limit of one board
    sets no bit, and heat sets one that the stock exporter does not show.

    First response: Compare `nvidia-smi -q -d CLOCK,POWER,PERFORMANCE` with a
    neighbour's. Undo a locked clock (`nvidia-smi -rgc`, `-rmc`) or a power limit; else
    drain the node after the next checkpoint.

    Source: Sinha et al. SC'22: healthy GPUs of one type differ by 8 % on average under
    a cap; measured on H100: median absolute deviation of clocks under 1 %, and no
    deviation where nothing caps. Persistence in 2 of 3 samples costs one fourteenth of
    the false alarms of one sample.
    """

    class Params(RuleParams):
        """Thresholds of straggler."""

        severity: Severity = Severity.CRITICAL
        lost_percent: float = Field(
            8.0, gt=0, lt=100, description="below its usual place among its peers"
        )
        capped_lost_percent: float = Field(
            10.0, gt=0, lt=100, description="the same under a power cap, or not known"
        )
        memory_lost_percent: float = Field(
            5.0, gt=0, lt=100, description="memory clock below that of its peers"
        )

    name = "straggler"
    category = Category.STRAGGLER
    statistical = True
    symptom = True
    load_dependent = True
    slows_job = True
    yields_to = (
        "thermal_slowdown",
        "power_brake",
        "hw_slowdown",
        "xid",
        "ecc_uncorrectable",
        "gpu_missing",
        "node_silent",
    )
    reads = (
        Read("utilization_percent", required=False),
        Read("power_limit_watts", required=False),
        Read(CLOCK, 60.0),
        Read(MEMORY_CLOCK, required=False),
        Read(REASONS, required=False),
        Read("gpu_temperature_celsius", required=False),
        # the job's stride is worked out of these and the clock (engine/stride.py)
        Read("power_watts", 60.0, required=False),
        Read("tensor_active_ratio", 60.0, required=False),
    )
    params: Params

    def judge(self, window: Window) -> Verdicts:
        """Compare with peers and with before; UNKNOWN without a steady group."""
        crew = window.crew
        if crew is None:
            return Verdicts.none_known(window.now.rows)
        seen = _seen(window, crew)
        lost = self._lost(window, crew.company, seen)
        suspect = seen.scored & (lost.share >= lost.limit)
        suspect = suspect & ~_in_wrong_company(window, crew, lost.limit)
        suspect |= seen.scored & (lost.memory >= self.params.memory_lost_percent / 100)
        suspect = suspect & ~_crowd(crew.company, suspect, window.get(CLOCK))
        hardware = has_bits(window.get(REASONS), HARDWARE)
        trusted = seen.scored & (lost.share < lost.limit / 2) & ~hardware
        trusted = trusted & ~(crew.pace < AS_USUAL)
        keep = HABIT.learn(window, seen.beside, trusted, passed_seconds(window))
        return Verdicts(
            firing=suspect,
            known=seen.scored & ~np.isnan(seen.off),
            severity=crew.severity(self.params.severity, lost.share >= CRITICAL_LOSS),
            loaded=seen.busy,
            evidence=_evidence(window, lost),
            keep={
                **keep,
                "suspect": np.where(suspect, 1.0, np.nan),
                "at": np.full(window.now.rows, window.now.at),
            },
        )

    def _lost(self, window: Window, company: Company, seen: _Seen) -> _Lost:
        """The smaller of the loss against the own habit and that against the peers."""
        offset, seconds = HABIT.recall(window)
        by_peers, own = -seen.off, offset - seen.off
        reasons = window.get(REASONS)
        plain = ~np.isnan(reasons) & ~has_bits(reasons, SW_POWER_CAP)
        params = self.params
        limit = np.where(plain, params.lost_percent, params.capped_lost_percent) / 100
        known = seconds >= LEARNED_SECONDS
        share = np.where(
            known, np.minimum(own, by_peers / PEER_SHARE), by_peers / STRANGER
        )
        again = ~np.isnan(window.recall("suspect"))
        return _Lost(
            share=np.maximum(np.nan_to_num(share), 0.0),
            limit=np.where(again, limit * HYSTERESIS, limit),
            against_peers=by_peers,
            memory=_memory_lost(window, company, seen.busy),
        )

    def explain(self, finding: Finding) -> Words:
        """Which clock, how much is lost, and to whom it was compared."""
        lost, memory = finding.value(LOST, 0.0), finding.value(MEMORY_LOST, 0.0)
        action = (
            "Compare nvidia-smi -q -d CLOCK,POWER,PERFORMANCE with a neighbour's. Undo "
            "a locked clock or power limit; else drain the node after the next "
            "checkpoint."
        )
        if memory > lost:
            clock = measured(finding.value(MEMORY_CLOCK), "MHz", " ")
            return Words(f"Memory clock{clock}, {memory:.0f} % below its peers", action)
        clock = measured(finding.value(CLOCK), "MHz", " ")
        summary = f"SM clock{clock}, {lost:.0f} % below its peers"
        heat = finding.value("gpu_temperature_celsius")
        cooler = finding.peers.get("gpu_temperature_celsius", heat)
        if not heat - cooler >= HOTTER_CELSIUS:
            return Words(summary, action)
        return Words(
            f"{summary}, and {heat:.0f} °C, {heat - cooler:.0f} °C hotter",
            "Drain the node after the next checkpoint. Then check its fans and inlet "
            "temperature, and this GPU's heat sink or cold plate.",
        )


@dataclass(frozen=True)
class _Seen:
    """How far off its peers each row's clock is, and whether that counts now.

    `beside` those of this moment, `off` the slower of those and of their usual clock.
    """

    beside: Column
    off: Column
    busy: Mask
    scored: Mask


@dataclass(frozen=True)
class _Lost:
    """Shares of the clock that are lost, and from where on it is a fault."""

    share: Column
    limit: Column
    against_peers: Column
    memory: Column


def _seen(window: Window, crew: Crew) -> _Seen:
    clock = window.get(CLOCK)
    busy = at_work(window) & window.now.present
    near = beside(crew.company, clock, busy)
    off = clock / np.fmin(near.usual, _peers_usual(crew)) - 1
    idle_state = clock < IDLE_CLOCK_SHARE * near.usual
    scored = busy & ~idle_state & crew.steady & ~np.isnan(near.off)
    return _Seen(near.off, off, busy, scored)


def _peers_usual(crew: Crew) -> Column:
    """The clock that the peers have at their stride.

    Who waits for a culprit draws less power and clocks higher; a pipeline stage that
    does not must not look slow beside it.
    """
    return crew.company.spread(crew.company.medians(crew.stride.kept_megahertz))


def _memory_lost(window: Window, company: Company, busy: Mask) -> Column:
    return np.nan_to_num(-beside(company, window.get(MEMORY_CLOCK), busy).off)


def _crowd(company: Company, suspect: Mask, clock: Column) -> Mask:
    """Too many to be stragglers: another job, or another stage, with its own clock.

    Only who is far below that crowd's own clock may still be one.
    """
    share = company.counts(suspect) / np.maximum(1, company.sizes)
    crowd = company.rows_in(share > MOST_SUSPECTS)
    usual = company.spread(company.medians(np.where(suspect, clock, np.nan)))
    return crowd & ~(clock < FAR_BELOW * usual)


def _in_wrong_company(window: Window, crew: Crew, limit: Column) -> Mask:
    """As quick as ever, beside others than before: its companions were only guessed."""
    guessed = crew.company.rows_in(crew.company.inferred)
    usual = np.where(
        crew.stride.worked_seconds >= WELL_KNOWN_SECONDS,
        crew.stride.kept_megahertz, np.nan,
    )  # fmt: skip
    as_ever: Mask = window.get(CLOCK) > usual * (1 - limit / 2)
    return guessed & as_ever


def _evidence(window: Window, lost: _Lost) -> dict[str, Column]:
    memory = np.where(lost.memory > 0.01, lost.memory * 100, np.nan)
    return {
        CLOCK: window.get(CLOCK),
        MEMORY_CLOCK: window.get(MEMORY_CLOCK),
        "gpu_temperature_celsius": window.get("gpu_temperature_celsius"),
        "power_watts": window.get("power_watts"),
        REASONS: window.get(REASONS),
        LOST: lost.against_peers * 100,
        MEMORY_LOST: memory,
    }
