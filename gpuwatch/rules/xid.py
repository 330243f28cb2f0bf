"""XIDs: the error codes that NVIDIA's driver writes to the kernel log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from gpuwatch.model.duration import Seconds
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.identity import Subject
from gpuwatch.model.news import (
    BURST_SECONDS,
    Sight,
    is_news,
    repeats_in_other_job,
    sight_of,
    updated,
    with_old_counts,
)
from gpuwatch.model.rule import Kind, Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.sightings import (
    Sighting,
    recent_on_nodes,
    remembered,
    shown,
    sighting,
    within,
)
from gpuwatch.model.snapshot import Column, Mask, absent
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Read, Window
from gpuwatch.model.xid import xid_meaning

WORSENS_WITHIN_SECONDS = 600.0
PREEMPTIVE_REMOVAL = 45
PSHC_REENGAGED, PSHC_DISENGAGED = 162, 163
ROOTS: Mapping[int, frozenset[int]] = {
    94: frozenset({48, 63, 64}),
    95: frozenset({48, 63, 64}),
    171: frozenset({48}),
    172: frozenset({48}),
}
FOLLOWS_ANY = frozenset({45, 154})
DRIVER_WANTS = {
    1: "The driver asks for a GPU reset",
    2: "The driver asks for a reboot of the node",
    4: "The driver asks to drain the node and reset the GPU",
}


class Xid(Rule):
    """The driver of a GPU reported an error code that was not there before.

    What: an XID is new, came back, or is counted higher. The severity follows NVIDIA's
    action for the code: reset, reboot and replace are critical; contained errors and
    those to be inspected a warning; the rest is for the digest. 13 and 31 become a
    warning when they return on one GPU in another job within 24 h, 45 when no other
    code is seen within 3 minutes on its GPU, its node or in its job. A code that only
    follows another (45, 94, 95, 154, 171, 172) leaves the word to it. A code standing
    at the first look is news only if something bears it out. The driver's recovery
    action raises a code; those of applications never page.

    Why: XIDs are the one hard evidence of a failing GPU, but the exporter's gauge
    shows the last one for ever, and not its repeats.

    First response: do what the message says for the code; look at the kernel log
    (`dmesg | grep Xid`) for the line, which holds more than the number.

    Source: NVIDIA's XID catalogue (xid.csv); bursts of 3 minutes and repeats within
    24 h as in NVSentinel (peers.md 2.1); DCGM#235, DCGM#277, dcgm-exporter#500.
    """

    name = "xid"
    category = Category.XID
    kind = Kind.EVENT
    boot_grace = False
    samples = (1, 1)
    reads = (
        Read("xid"),
        Read("xid_count", required=False),
        Read("recovery_action", required=False),
        Read("row_remap_pending", required=False),
        Read("boot_time_seconds", required=False),
    )

    class Params(RuleParams):
        """`severity` is not used: each code has its own."""

        hold: Seconds = Field(0.0, ge=0, description="not used: an XID is an instant")

    def judge(self, window: Window) -> Verdicts:
        """News against what was remembered; see `sightings`."""
        now = window.now
        in_service = now.fleet.in_service[: now.rows]
        shows, memory = shown(now, in_service), remembered(window)
        codes = sorted(shows.keys() | memory.keys())
        before = {code: memory.get(code) or sighting(window, code) for code in codes}
        sight = sight_of(window, shows, in_service)
        after, news, again = {}, {}, {}
        for code, known in before.items():
            show = with_old_counts(window, known, shows.get(code, absent(now.rows)))
            news[code] = is_news(code, known, show, sight)
            again[code] = news[code] & repeats_in_other_job(code, known, sight)
            after[code] = updated(known, show, news[code], sight)
        report = _Report(now.fleet, sight)
        for code, known in after.items():
            told = _severity(code, after, again[code], sight, now.fleet)
            fires = news[code] | _is_worse(known, told[0], news[code], sight)
            report.add(code, known, fires, told)
            known.level = np.where(fires, told[0], known.level)
        seen = np.where(sight.looked, 1.0, window.recall("seen"))
        return report.verdicts(_kept(before, after, seen))

    def explain(self, finding: Finding) -> Words:
        """The code's meaning; the driver's own wish comes first."""
        meaning = xid_meaning(int(finding.value("xid", 0)))
        wish = DRIVER_WANTS.get(int(finding.value("recovery_action", 0)), "")
        parts = [wish, finding.words, meaning.action]
        action = ". ".join(part for part in parts if part)
        return Words(f"XID {meaning.code}: {meaning.title}", action)


def _is_worse(
    known: Sighting, severity: NDArray[np.int64], news: Mask, sight: Sight
) -> Mask:
    """Lately told, and by now known to be louder."""
    lately = known.told & (sight.now - known.at <= WORSENS_WITHIN_SECONDS)
    worse: Mask = lately & ~news & sight.looked & (severity > known.level)
    return worse


def _severity(
    code: int, memory: Mapping[int, Sighting], again: Mask, sight: Sight, fleet: Fleet
) -> tuple[NDArray[np.int64], Mapping[str, Mask]]:
    """Severity per row, and the words that some rows need."""
    base, known = xid_meaning(code).severity, memory[code]
    solo = _is_solo(code, memory, sight, fleet)
    wanted = np.isin(sight.action, list(DRIVER_WANTS))
    raised = Severity.CRITICAL if base > Severity.INFO else Severity.WARNING
    level = np.where(again | solo, max(base, Severity.WARNING), base)
    level = np.where(wanted, np.maximum(level, raised), level)
    folded = within(memory, _roots(code, memory), known.at, BURST_SECONDS)
    words = {
        "It follows another XID on this GPU: see that one": folded,
        "It came again on this GPU within 24 hours": again,
        "No other XID came with it": solo & ~folded,
    }
    return np.where(folded, Severity.INFO, level).astype(np.int64), words


def _roots(code: int, memory: Mapping[int, Sighting]) -> set[int]:
    """Codes that may speak for this one: none that is quieter than it."""
    if code == PSHC_DISENGAGED:
        return {PSHC_REENGAGED}
    found = memory.keys() - {code} if code in FOLLOWS_ANY else ROOTS.get(code, ())
    own = xid_meaning(code).severity
    return {root for root in found if xid_meaning(root).severity >= own}


def _is_solo(
    code: int, memory: Mapping[int, Sighting], sight: Sight, fleet: Fleet
) -> Mask:
    """A 45 whose burst is over, with no other code on its node or in its job."""
    known = memory[code]
    ago = sight.now - known.at
    due = known.told & (ago >= BURST_SECONDS) & (ago <= WORSENS_WITHIN_SECONDS)
    if code != PREEMPTIVE_REMOVAL or not due.any():
        return np.zeros(len(ago), bool)
    since = sight.now - WORSENS_WITHIN_SECONDS - BURST_SECONDS
    others = recent_on_nodes(memory, code, fleet, since)
    node = fleet.node_of[: len(ago)]
    company = others.last[node] >= known.at - BURST_SECONDS
    solo: Mask = due & ~company & ~np.isin(known.job, others.jobs)
    return solo


def _kept(
    before: Mapping[int, Sighting], after: Mapping[int, Sighting], seen: Column
) -> dict[str, Column]:
    """The columns that changed; the others stay as they are kept."""
    changed = {
        name: column
        for code, known in after.items()
        for name, column in known.columns(code).items()
        if not np.array_equal(column, before[code].columns(code)[name], equal_nan=True)
    }
    return {"seen": seen, **changed}


@dataclass
class _Report:
    """Collects the few (row, code) that are news or on show."""

    fleet: Fleet
    sight: Sight
    subjects: list[Subject] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    parts: list[NDArray[np.float64]] = field(default_factory=list)

    def add(
        self,
        code: int,
        known: Sighting,
        fires: Mask,
        told: tuple[NDArray[np.int64], Mapping[str, Mask]],
    ) -> None:
        """Every row that fires or shows the code."""
        severity, words = told
        rows = np.flatnonzero((fires | known.on) & self.sight.looked)
        for row in rows.tolist():
            said = [text for text, where in words.items() if where[row]]
            self.subjects.append(self.fleet.subject(row, detail=str(code)))
            self.words.append(". ".join(said))
        count = np.where(known.count > 0, known.count, np.nan)
        action = np.where(self.sight.action > 0, self.sight.action, np.nan)
        sure, codes = np.ones(len(fires)), np.full(len(fires), code)
        columns = np.stack([fires, sure, severity, codes, count, action])
        self.parts.append(columns[:, rows])

    def verdicts(self, keep: Mapping[str, Column]) -> Verdicts:
        """With the cluster itself as a witness that XIDs are watched at all.

        Without it a healthy cluster would count as never judged, and its first XID
        as one that was found on arrival.
        """
        watched = self.sight.watched or bool(self.subjects)
        witness = np.array([[0.0, watched, 1.0, np.nan, np.nan, np.nan]]).T
        columns = np.hstack([*self.parts, witness])
        fires, known, severity, code, count, action = columns
        return Verdicts(
            firing=fires > 0,
            known=known > 0,
            subjects=(*self.subjects, Subject(self.fleet.cluster)),
            severity=severity.astype(np.int64),
            evidence={"xid": code, "count": count, "recovery_action": action},
            keep=keep,
            words=(*self.words, ""),
            elsewhere=self.sight.looked & self.sight.present,
        )
