"""The simulated fleet: nodes, one synchronous job, exporters, faults, one clock.

`SimFleet` is pure: it reads no clock and does no I/O, `advance` moves it to a time and
`render` gives the page an exporter would then serve. Physics in `physics`, faults in
`faults`, names in `fields`. Values change only every collect interval, as the exporter
caches them; refusals and errors take effect at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from gpuwatch.sim.effects import (
    FALLEN_OFF_THE_BUS,
    GSP_XIDS,
    Effects,
    Rows,
    effects_of,
)
from gpuwatch.sim.faults import JOB, KINDS, SCENARIO_KINDS, Fault, Timetable
from gpuwatch.sim.fields import GENERATIONS, Counters, Generation
from gpuwatch.sim.hardware import Bools, identities, part_of, silicon
from gpuwatch.sim.ledger import Ledger
from gpuwatch.sim.page import Exporter
from gpuwatch.sim.physics import REJOIN_SECONDS, Job, Machine
from gpuwatch.sim.readings import Readings, collect

Condition = Literal["up", "off", "refusing", "failing", "reloading"]
_CONDITIONS: dict[str, Condition] = {
    "node_down": "off",
    "reboot": "off",
    "gap": "refusing",
    "exporter_error": "failing",
    "reload": "reloading",
}
_REBOOTS = ("node_down", "reboot")
_RESETS = ("ecc", "gpu_lost")


class SimFleet:
    """A fleet of `nodes` nodes, named node-01 and so on.

    `job_nodes` are node indices from 0 (default: all but the last two, or all of one
    or two); `hpc_job` labels the job's GPUs, None for a site without the mapping;
    `counters` "stock" prints the default CSV only; `generations` overrides the naming
    of single nodes; a checkpoint period of 0 means none.
    """

    def __init__(
        self,
        nodes: int = 8,
        gpus_per_node: int = 8,
        *,
        generation: Generation = "current",
        generations: Mapping[int, Generation] | None = None,
        seed: int = 7,
        model: str = "NVIDIA H100 80GB HBM3",
        job_nodes: Sequence[int] | None = None,
        hpc_job: str | None = "4211",
        counters: Counters = "full",
        collect_interval_seconds: float = 1.0,
        checkpoint_period_seconds: float = 60.0,
        checkpoint_seconds: float = 6.0,
        sticky_xids: bool = True,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.nodes, self.gpus_per_node = nodes, gpus_per_node
        self.collect_interval_seconds = collect_interval_seconds
        self.now_seconds = 0.0
        self.gpus = identities(seed, nodes, gpus_per_node)
        self.node_names = [gpu.node for gpu in self.gpus[::gpus_per_node]]
        rngs = np.random.default_rng(seed).spawn(3)
        job = _job(
            rngs[0],
            _members(nodes, gpus_per_node, job_nodes),
            gpus_per_node,
            (checkpoint_period_seconds, checkpoint_seconds),
        )
        part = part_of(model)
        drawn = silicon(rngs[0], part, nodes, gpus_per_node)
        self._machine = Machine(part, drawn, job, rngs[1])
        self._ledger = Ledger(rngs[2], nodes, gpus_per_node)
        if sticky_xids:
            self._ledger.stick_old_xid()
        named = dict.fromkeys(range(nodes), generation) | dict(generations or {})
        self._exporters = [
            self._exporter(index, _known(named[index]), counters, model, hpc_job)
            for index in range(nodes)
        ]
        self._timetable = Timetable()
        self._steps = 0
        self.add(*faults)
        self._begin()

    def add(self, *faults: Fault) -> None:
        """Enter faults; ValueError if it cannot play one or has no such place."""
        for fault in faults:
            if fault.kind in SCENARIO_KINDS:
                raise ValueError(
                    f"fault {fault.kind!r}: needs a sim.scenario; "
                    f"a fleet plays {', '.join(KINDS)}"
                )
            self._locate(fault)
        self._timetable.add(faults)

    def end(self, fault: Fault) -> None:
        """End a fault at the fleet's present time; one it does not have is no error."""
        self._timetable.end(fault, self.now_seconds)

    def advance(self, now_seconds: float) -> None:
        """Move on to a time, one collect interval after the other; never back."""
        self.now_seconds = max(self.now_seconds, now_seconds)
        while self._steps * self.collect_interval_seconds <= self.now_seconds:
            self._step(self._steps * self.collect_interval_seconds)

    @property
    def readings(self) -> Readings:
        """The columns behind the pages, one value a GPU, node by node."""
        return self._readings

    def condition(self, node_index: int) -> Condition:
        """Whether the node's exporter answers now, and if not, how it fails."""
        name = self.node_names[node_index]
        here = [f for f in self._timetable.at_work(self.now_seconds) if f.node == name]
        found = {_CONDITIONS[f.kind] for f in here if f.kind in _CONDITIONS}
        if "off" in found or self._effects.nodes_off[node_index]:
            return "off"
        return next(iter(sorted(found, reverse=True)), "up")

    def render(self, node_index: int) -> str:
        """The page of a node's exporter; empty if it does not answer with one."""
        if self.condition(node_index) != "up":
            return ""
        return self._exporters[node_index].page(self._readings)

    def exporter(self, node_index: int) -> Exporter:
        """The exporter of a node."""
        return self._exporters[node_index]

    def boot_seconds(self, node_index: int) -> float:
        """When the node last booted, on the fleet's own clock (negative: before 0)."""
        return float(self._ledger.boot_seconds[node_index])

    def _exporter(
        self,
        index: int,
        generation: Generation,
        counters: Counters,
        model: str,
        hpc_job: str | None,
    ) -> Exporter:
        first = index * self.gpus_per_node
        gpus = self.gpus[first : first + self.gpus_per_node]
        return Exporter(generation, counters, model, hpc_job, first, gpus)

    def _begin(self) -> None:
        effects = effects_of((), self._locate, self.nodes, self.gpus_per_node)
        load = self._machine.step(effects, 0.0, 0.0)
        self._ledger.warm_up(load.power_watts)
        self._effects = effects
        self._readings = collect(self._machine, self._ledger, load, effects, 0.0)
        self._step(0.0)

    def _step(self, at_seconds: float) -> None:
        dt_seconds = self.collect_interval_seconds if self._steps else 0.0
        self._steps += 1
        began, ended = self._timetable.turn(at_seconds)
        for fault in began:
            self._break(fault)
        for fault in ended:
            self._mend(fault)
        self._effects = self._at_work()
        load = self._machine.step(self._effects, at_seconds, dt_seconds)
        self._ledger.add(load, self._effects, dt_seconds)
        args = (self._machine, self._ledger, load, self._effects, at_seconds)
        frozen = np.repeat(self._effects.nodes_frozen, self.gpus_per_node)
        self._readings = self._readings.thawed(collect(*args), frozen)

    def _at_work(self) -> Effects:
        active = self._timetable.active
        return effects_of(active, self._locate, self.nodes, self.gpus_per_node)

    def _break(self, fault: Fault) -> None:
        rows = self._locate(fault)
        if fault.kind == "xid":
            self._ledger.xid(rows, fault.code or 0, fault.start_seconds)
        if fault.kind == "ecc":
            self._ledger.double_bit_error(rows, fault.start_seconds)

    def _mend(self, fault: Fault) -> None:
        rows = self._locate(fault)
        fatal = fault.kind == "xid" and fault.code in {FALLEN_OFF_THE_BUS, *GSP_XIDS}
        if fatal or fault.kind in _REBOOTS:
            nodes = self._effects.nodes_of(rows)
            self._ledger.reboot(nodes, fault.end_seconds or 0.0)
        if fault.kind in _RESETS:
            self._ledger.reset(rows)

    def _locate(self, fault: Fault) -> Rows:
        """The rows of a fault; ValueError if this fleet has no such place."""
        if fault.node == JOB:
            return slice(0, 0)
        if fault.node not in self.node_names:
            first, last = self.node_names[0], self.node_names[-1]
            raise ValueError(f"no node {fault.node!r}; nodes are {first} to {last}")
        first_row = self.node_names.index(fault.node) * self.gpus_per_node
        if fault.gpu is None:
            return slice(first_row, first_row + self.gpus_per_node)
        if not 0 <= fault.gpu < self.gpus_per_node:
            last_gpu = self.gpus_per_node - 1
            raise ValueError(f"no GPU {fault.gpu}; GPUs are 0 to {last_gpu}")
        return slice(first_row + fault.gpu, first_row + fault.gpu + 1)


def _known(generation: Generation) -> Generation:
    if generation not in GENERATIONS:
        names = ", ".join(GENERATIONS)
        raise ValueError(f"unknown generation {generation!r}; generations are {names}")
    return generation


def _members(nodes: int, gpus_per_node: int, job_nodes: Sequence[int] | None) -> Bools:
    chosen = (
        range(nodes - 2 if nodes > 2 else nodes) if job_nodes is None else job_nodes
    )
    return np.repeat(np.isin(np.arange(nodes), list(chosen)), gpus_per_node)


def _job(
    rng: np.random.Generator,
    members: Bools,
    gpus_per_node: int,
    checkpoint: tuple[float, float],
) -> Job:
    nodes = len(members) // gpus_per_node
    rejoin = np.repeat(rng.uniform(0, REJOIN_SECONDS, nodes), gpus_per_node)
    return Job(members, rejoin, *checkpoint)
