"""The job gate: which groups are at their stride, and which are in a dip together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gpuwatch.engine.past import Past
from gpuwatch.engine.pulse import KEPT_AS
from gpuwatch.model.company import INFERRED_PREFIX, Company
from gpuwatch.model.load import at_work
from gpuwatch.model.peers import seconds_since
from gpuwatch.model.snapshot import Column, Mask, Snapshot, absent, fitted
from gpuwatch.model.stride import RECENT_SECONDS, Stride
from gpuwatch.model.throttle import HARDWARE
from gpuwatch.model.window import Window, has_bits

LEARN_SECONDS = 120.0
RISE_SECONDS = 120.0
DECAY_SECONDS = 1200.0
FORGET_SECONDS = 240.0
# Below this share of its stride the group is no longer at work as usual.
DIP_SHARE = 0.60
SLOW_SHARE = 0.93
FALLEN_SHARE = 0.80
TOGETHER_SHARE = 0.95
LONGEST_DIP_SECONDS = 300.0
LONGEST_ODD_DIP_SECONDS = 120.0
GRACE_SECONDS = 20.0
LONG_AGO = -1e12
# GPUs of one synchronous job wax and wane together; those of an inference service do
# not (measured on H100, 15 s means: 1-5 % against 6-15 %).
MOST_WANDER = 0.03
MOST_OWN_WANDER = 0.05
WANDER_SECONDS = 600.0
# A clock so far below that of the others is a culprit's, unless it is an idle state.
CULPRIT_SHARE = 0.88
IDLE_CLOCK_SHARE = 0.2
_KEPT = (
    "work", "watts", "megahertz", "worked", "wander",
    "idle_since", "dipped_at", "resumed_at", "job", "at", "away",
)  # fmt: skip


class Strides:
    """What each GPU's job was like, kept a row, so that a job may change its members.

    The stride follows a rise within minutes and a fall slowly, and not at all while
    the job is slow: a fault must not become the norm. The gate closes only when the
    whole group falls together, and for 5 minutes at most: what lasts longer is no
    checkpoint. For clocks it stays open while a member shows a clock deficit or a
    hardware bit, for a fault may make everybody else wait.
    """

    def __init__(self, kept: Mapping[tuple[str, str], Column]) -> None:
        self._columns = {
            n: kept.get((KEPT_AS, f"stride_{n}"), absent(0)) for n in _KEPT
        }
        self.stride: Stride | None = None

    def after(
        self, snapshot: Snapshot, company: Company, past: Past, collect_seconds: float
    ) -> Strides:
        """The strides one snapshot later; these stay as they are."""
        later = Strides({})
        before = {n: fitted(c, snapshot.rows) for n, c in self._columns.items()}
        turn = _Turn(snapshot, company, past, before)
        later._columns, later.stride = turn.taken(collect_seconds)
        return later

    def columns(self) -> Mapping[tuple[str, str], Column]:
        """To be kept over a restart."""
        return {(KEPT_AS, f"stride_{name}"): c for name, c in self._columns.items()}


class _Turn:
    """One snapshot taken up: first what is seen, then what it means, then memory."""

    def __init__(
        self,
        snapshot: Snapshot,
        company: Company,
        past: Past,
        before: Mapping[str, Column],
    ) -> None:
        self._now, self._company, self._before = snapshot.at, company, before
        self._window = Window(snapshot)
        self._inside = (company.group_of >= 0) & snapshot.present
        self._working = at_work(self._window) & snapshot.present
        self._busy = self._working & self._inside
        self._job = self._jobs()
        self.watts = recent(past, snapshot, "power_watts")
        self.megahertz = recent(past, snapshot, "sm_clock_megahertz")
        self.work = self._work(snapshot, past)

    def _work(self, snapshot: Snapshot, past: Past) -> Column:
        """Tensor activity x clock where exported, else power."""
        tensor = recent(past, snapshot, "tensor_active_ratio")
        pace = tensor * self.megahertz
        return self._else_watts(pace, self.watts)

    def _else_watts(self, pace: Column, watts: Column) -> Column:
        unknown = np.isnan(self._company.spread(self._company.medians(pace)))
        return np.where(unknown, watts, pace)

    def taken(self, collect_seconds: float) -> tuple[dict[str, Column], Stride]:
        """The new memory, and what the groups look like now."""
        company, before = self._company, self._before
        known = self._job_is_known()
        kept = {
            n: np.where(known, before[n], np.nan)
            for n in ("work", "watts", "megahertz")
        }
        worked = np.where(known, np.nan_to_num(before["worked"]), 0.0)
        inside = np.where(self._inside, worked, np.nan)
        reached = company.medians(inside) >= LEARN_SECONDS
        dips, odd = self._dips(reached, kept)
        evident = company.counts(self._evident()) > 0
        times = self._times(dips)
        dipped = np.where(dips, self._now - company.medians(times["dipped_at"]), 0.0)
        longest = np.where(odd, LONGEST_ODD_DIP_SECONDS, LONGEST_DIP_SECONDS)
        resumed = np.nan_to_num(times["resumed_at"], nan=LONG_AGO)
        resumed = company.medians(np.where(self._inside, resumed, np.nan))
        out = self._now - resumed - collect_seconds
        open_now = reached & ~(dips & (dipped < longest))
        stride = Stride(
            reached=reached,
            steady=reached & (evident | (open_now & (out >= GRACE_SECONDS))),
            settled=open_now & (out >= RECENT_SECONDS),
            calm=~(self._before["wander"] > MOST_OWN_WANDER),
            together=~(company.medians(self._before["wander"]) > MOST_WANDER),
            work=company.medians(self._share(self.work, kept["work"])),
            dipped_seconds=dipped,
            kept_watts=kept["watts"],
            worked_seconds=worked,
            kept_megahertz=kept["megahertz"],
            recent_watts=self.watts,
        )
        calm = company.rows_in(~dips & (out >= RECENT_SECONDS))
        learned = self._learned(calm, stride, worked, kept)
        return self._remembered({**learned, **times}), stride

    def _times(self, dips: Mask) -> dict[str, Column]:
        """Since when each row's group is in a dip, and when it came out of one."""
        before, dipped = self._before, self._company.rows_in(dips)
        was = ~np.isnan(before["dipped_at"])
        began = np.where(was, before["dipped_at"], self._now)
        back = (was & ~dipped) | (self._inside & (before["away"] > 0))
        return {
            "dipped_at": np.where(dipped, began, np.nan),
            "resumed_at": np.where(back, self._now, before["resumed_at"]),
        }

    def _remembered(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Who is alone now keeps what was known of its job."""
        alone = self._company.group_of < 0
        kept = {n: np.where(alone, self._before[n], c) for n, c in columns.items()}
        return {**kept, "away": np.where(alone, 1.0, 0.0), "idle_since": self._idle()}

    def _idle(self) -> Column:
        """Since when each row has been idle; a row without readings stays as it was."""
        before, known = self._before["idle_since"], self._window.now.present
        began = np.where(np.isnan(before), self._now, before)
        return np.where(self._working, np.nan, np.where(known, began, before))

    def _share(self, values: Column, kept: Column) -> Column:
        return np.where(self._inside, values / np.where(kept > 0, kept, np.nan), np.nan)

    def _job_is_known(self) -> Mask:
        """The row works for the job that its memory is of, and has not idled long."""
        idle = np.nan_to_num(self._before["idle_since"], nan=np.inf)
        idled = self._now - idle >= FORGET_SECONDS
        known: Mask = (self._before["job"] == self._job) & ~idled
        return known

    def _jobs(self) -> Column:
        """A number that stands for the row's job; inferred jobs all have one."""
        named = [
            0.0 if name.startswith(INFERRED_PREFIX) else float(hash_of(name))
            for name in self._company.names
        ]
        return self._company.spread(np.array(named, dtype=np.float64))

    def _dips(self, reached: Mask, kept: Mapping[str, Column]) -> tuple[Mask, Mask]:
        """Groups that fell together; and those of them where one did not fall."""
        company, get = self._company, self._window.get
        share = self._share(get("power_watts"), kept["watts"])
        pace = get("tensor_active_ratio") * get("sm_clock_megahertz")
        work = self._share(self._else_watts(pace, get("power_watts")), kept["work"])
        lowest = np.fmin(company.medians(share), company.medians(work))
        low = reached & (lowest < DIP_SHARE)
        compared = company.counts(~np.isnan(share))
        fallen = company.counts(share < FALLEN_SHARE)
        together = fallen >= TOGETHER_SHARE * np.maximum(compared, 1)
        odd = fallen < compared
        return low & together, odd

    def _evident(self) -> Mask:
        """A member with a hardware bit, or whose clock is clearly below the others'."""
        bits = has_bits(self._window.get("throttle_reasons"), HARDWARE)
        clock = self._window.get("sm_clock_megahertz")
        usual = self._company.medians(np.where(self._busy, clock, np.nan))
        usual = self._company.spread(usual)
        low = (clock < CULPRIT_SHARE * usual) & (clock > IDLE_CLOCK_SHARE * usual)
        evident: Mask = self._inside & (bits | (low & self._busy))
        return evident

    def _learned(
        self, calm: Mask, stride: Stride, worked: Column, kept: Mapping[str, Column]
    ) -> dict[str, Column]:
        """Own usual levels: quick while new, then up quickly, down slowly."""
        passed = seconds_since(self._before["at"], self._now)
        new = worked < LEARN_SECONDS
        as_usual = self._company.spread(stride.work) >= SLOW_SHARE
        learns = calm & self._busy & (new | as_usual)
        strayed = self._strayed(kept["watts"])
        wander = np.nan_to_num(self._before["wander"])
        horizon = np.clip(worked, passed, WANDER_SECONDS)
        share = passed / np.where(horizon > 0, horizon, 1.0)
        share = np.where(calm & ~np.isnan(strayed), share, 0.0)
        follow = _Follow(learns, new, passed)
        return {
            "wander": wander + (np.nan_to_num(strayed) - wander) * share,
            "work": follow(kept["work"], self.work, RISE_SECONDS),
            "watts": follow(kept["watts"], self.watts, RISE_SECONDS),
            "megahertz": follow(kept["megahertz"], self.megahertz, DECAY_SECONDS / 2),
            "worked": worked + np.where(learns, passed, 0.0),
            "job": self._job,
            "at": np.full(len(self.work), self._now),
        }

    def _strayed(self, kept_watts: Column) -> Column:
        """How far each row's power is from where its group's is, against its stride."""
        share = self._share(self.watts, kept_watts)
        return np.abs(share - self._company.spread(self._company.medians(share)))


@dataclass(frozen=True)
class _Follow:
    """How a usual level follows what is seen, row by row."""

    learns: Mask
    new: Mask
    passed: Column

    def __call__(self, kept: Column, seen: Column, rise_seconds: float) -> Column:
        """The level after this reading."""
        usual = np.where(seen > kept, rise_seconds, max(rise_seconds, DECAY_SECONDS))
        constant = np.where(self.new, LEARN_SECONDS / 4, usual)
        moved = kept + (seen - kept) * -np.expm1(-self.passed / constant)
        moved = np.where(np.isnan(kept), seen, moved)
        return np.where(self.learns & ~np.isnan(seen), moved, kept)


def recent(past: Past, snapshot: Snapshot, metric: str) -> Column:
    """The mean of the last 45 s: one sample of a profiling metric is noise."""
    view = past.view(metric, snapshot.rows)
    if view is None:
        return snapshot.column(metric)
    times, values = view
    chosen = values[times >= snapshot.at - RECENT_SECONDS - 0.5]
    known = ~np.isnan(chosen)
    count = known.sum(axis=0)
    total = np.where(known, chosen, 0.0).sum(axis=0)
    mean = total / np.maximum(count, 1)
    return np.where(np.isnan(snapshot.column(metric)), np.nan, mean)


def hash_of(name: str) -> int:
    """A small number for a name, the same in every process."""
    value = 1
    for letter in name.encode(errors="surrogatepass"):
        value = (value * 31 + letter) % 1_000_003
    return value
