"""Faults by timetable: what goes wrong, where, and from when to when."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

KINDS = (
    "thermal",
    "power_brake",
    "hw_slowdown",
    "clock_locked",
    "xid",
    "ecc",
    "sbe",
    "nvlink",
    "pcie",
    "node_down",
    "exporter_frozen",
    "exporter_error",
    "gpu_lost",
    "reboot",
    "gap",
    "reload",
    "hot",
    "hang",
    "job_end",
)
# What only a scenario of several jobs (`sim.scenario`) can play.
SCENARIO_KINDS = (
    "thermal_cycling",
    "drift",
    "fans",
    "memory_clock",
    "memory_slow",
    "starved",
    "host_slow",
    "rail_slow",
    "rail_down",
    "job_slow",
    "clocks_set",
    "remap",
    "drain",
    "counter_reset",
)
JOB = "*"
_JOB_KINDS = ("hang", "job_end", "job_slow", "clocks_set")
_DEFAULT_SECONDS = {"reboot": 60.0, "gap": 10.0, "reload": 3.0}
SHORTEST_SECONDS = 0.001
_UNIT_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
_TIMES = re.compile(r"(\d+(?:\.\d+)?)([smh]?)(?:-(?:(\d+(?:\.\d+)?)([smh]?))?)?")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; active while start <= now < end.

    `gpu` None means every GPU of the node, `node` "*" the whole job, `end_seconds`
    None never (by default a reboot lasts 60 s, a gap 10 s, an
    exporter's hot reload 3 s). `code` is the XID, `bits`
    the throttle reasons, `percent` the clock lost, `rate` events a second, `celsius`
    the temperature (of `hot`: the rise), `width` the PCIe lanes that are left.
    """

    kind: str
    node: str = JOB
    gpu: int | None = None
    start_seconds: float = 0.0
    end_seconds: float | None = None
    code: int | None = None
    bits: int | None = None
    percent: float | None = None
    rate: float | None = None
    celsius: float | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS + SCENARIO_KINDS:
            raise _wrong(self.kind, f"unknown kind {self.kind!r}")
        if self.node == JOB and self.kind not in _JOB_KINDS:
            raise _wrong(self.kind, "needs a node")
        if self.kind == "xid" and self.code is None:
            raise _wrong(self.kind, "needs a code, as in xid:79:node-03:5@10-60")
        if self.end_seconds is None and self.kind in _DEFAULT_SECONDS:
            end = self.start_seconds + _DEFAULT_SECONDS[self.kind]
            object.__setattr__(self, "end_seconds", end)
        if self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise _wrong(self.kind, "ends before it starts")

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read `kind[:code][:node[:gpu]]@start[-[end]][,name=value...]`.

        Times are seconds or carry s, m or h: `thermal:node-03:5@10-60`,
        `xid:79:node-03:5@1m`, `clock_locked:node-02:0@10-5m,percent=12`, `hang@30`.
        """
        head, *options = text.strip().split(",")
        where, at, when = head.partition("@")
        try:
            start, end = _times(when if at else "0")
            return cls(
                **_place(where),
                start_seconds=start,
                end_seconds=end,
                **dict(_option(option) for option in options),
            )
        except (TypeError, ValueError) as error:
            raise _wrong(text, _reason(error)) from None

    def over(self, now_seconds: float) -> bool:
        """Whether it has ended by then."""
        return self.end_seconds is not None and self.end_seconds <= now_seconds

    def shifted(self, seconds: float) -> Fault:
        """The same fault, so much later."""
        end = None if self.end_seconds is None else self.end_seconds + seconds
        return replace(
            self, start_seconds=self.start_seconds + seconds, end_seconds=end
        )


class _FaultError(ValueError):
    """Keeps the bare reason, so that a parser can name the whole text instead."""

    def __init__(self, value: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"fault {value!r}: {reason}; kinds are {', '.join(KINDS)}")


def _wrong(value: str, reason: str) -> ValueError:
    return _FaultError(value, reason)


def _reason(error: Exception) -> str:
    if isinstance(error, _FaultError):
        return error.reason
    return str(error).replace("Fault.__init__() ", "").replace("\n", " ")


def _place(where: str) -> dict[str, Any]:
    kind, *rest = where.split(":")
    place: dict[str, Any] = {"kind": kind}
    if kind == "xid" and rest:
        place["code"] = int(rest.pop(0))
    if len(rest) > 2:
        raise ValueError("write kind:node:gpu@start-end")
    if rest:
        place["node"] = rest[0]
    if len(rest) == 2:
        place["gpu"] = int(rest[1])
    return place


def _times(text: str) -> tuple[float, float | None]:
    match = _TIMES.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time; write start-end in seconds")
    start, unit, end, end_unit = match.groups()
    last = None if end is None else float(end) * _UNIT_SECONDS[end_unit]
    return float(start) * _UNIT_SECONDS[unit], last


_OPTIONS = ("code", "bits", "percent", "rate", "celsius", "width")


def _option(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    if name not in _OPTIONS:
        raise ValueError(f"unknown option {name!r}; options are {', '.join(_OPTIONS)}")
    whole = name in {"code", "bits", "width"}
    return name, int(value, 0) if whole else float(value)


@dataclass
class Timetable:
    """The faults to come and the faults at work."""

    pending: list[Fault] = field(default_factory=list)
    active: list[Fault] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        """Enter faults; one that is late begins at the next turn."""
        self.pending += faults

    def turn(self, now_seconds: float) -> tuple[list[Fault], list[Fault]]:
        """Move on to a time; the faults that began and that ended on the way."""
        began = [f for f in self.pending if f.start_seconds <= now_seconds]
        self.pending = [f for f in self.pending if f.start_seconds > now_seconds]
        working = self.active + began
        ended = [f for f in working if f.over(now_seconds)]
        self.active = [f for f in working if not f.over(now_seconds)]
        return began, ended

    def end(self, fault: Fault, now_seconds: float) -> None:
        """End a fault now, as if it had been entered so; one to come never comes."""
        self.pending = [f for f in self.pending if f != fault]
        self.active = [
            replace(f, end_seconds=max(now_seconds, f.start_seconds + SHORTEST_SECONDS))
            if f == fault
            else f
            for f in self.active
        ]

    def at_work(self, now_seconds: float) -> list[Fault]:
        """The faults at work at a time that no turn may have reached yet."""
        known = self.pending + self.active
        begun = [f for f in known if f.start_seconds <= now_seconds]
        return [f for f in begun if not f.over(now_seconds)]
