"""A scenario as OpenMetrics text for `promtool tsdb create-blocks-from`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gpuwatch.sim.backfill import DCGM_PORT, NODE_PORT
from gpuwatch.sim.fields import (
    XID_COUNT_NAME,
    XID_KEY,
    Field,
    fields_of,
    xid_text,
)
from gpuwatch.sim.hardware import DRIVER_VERSION, Bools, Floats
from gpuwatch.sim.ledger import XID_WINDOW_SECONDS
from gpuwatch.sim.play import PROMETHEUS_DOWN_SECONDS
from gpuwatch.sim.scenario import Scenario
from gpuwatch.sim.tick import Tick

WOBBLE_SECONDS = 0.02
JOB_SERIES = "slurm_node_job"
THROUGHPUT_SERIES = "train_tokens_per_second"
_EPOCH_NAME = "node_boot_time_seconds"
_WINDOW = f'window_size_in_ms="{round(XID_WINDOW_SECONDS * 1e3)}"'


def openmetrics(
    scenario: Scenario,
    *,
    start_seconds: float,
    scrape_seconds: float = 15.0,
    keys: Collection[str] | None = None,
    job_series: bool = False,
) -> Iterator[str]:
    """Blocks of lines, one a scrape of the whole fleet, the last the end mark.

    The scenario's second 0 is `start_seconds` (Unix). Every target is scraped at its
    own moment of the interval, give or take 20 ms, and shows what its exporter last
    collected: with a longer collect interval one sample comes twice. `keys` (of
    `fields`) leaves other columns out; `job_series` adds who runs where, as a Slurm
    exporter tells it (`slurm_node_job`), and what each job gets done
    (`train_tokens_per_second`).
    """
    writer = _Writer(scenario, start_seconds, scrape_seconds, keys, job_series)
    calm = replace(scenario, gap_share=0.0, prometheus_restarts=())
    scrape, end = 0, scenario.duration_seconds + 1e-9
    for tick in calm.ticks():
        until = min(tick.at_seconds + scenario.collect_seconds, end)
        while scrape * scrape_seconds < until:
            yield writer.block(scrape, tick)
            scrape += 1
    yield "# EOF\n"


@dataclass
class _Writer:
    scenario: Scenario
    start_seconds: float
    scrape_seconds: float
    keys: Collection[str] | None
    job_series: bool
    rng: np.random.Generator = field(init=False)
    phases: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.rng = self.scenario.rng(7)
        # The node exporter is another target, with a moment of its own.
        self.phases = self.rng.uniform(0, 0.95, (2, self.scenario.nodes))

    def block(self, scrape: int, tick: Tick) -> str:
        """The lines of one scrape of all targets; none while Prometheus is away."""
        at = scrape * self.scrape_seconds
        restarts = self.scenario.prometheus_restarts
        if any(start <= at < start + PROMETHEUS_DOWN_SECONDS for start in restarts):
            return ""
        gap = self.rng.random(self.scenario.nodes) < self.scenario.gap_share
        wobble = self.rng.uniform(-WOBBLE_SECONDS, WOBBLE_SECONDS, self.phases.shape)
        moments = self.start_seconds + at + self.phases * self.scrape_seconds
        stamps = [[f"{t:.3f}\n" for t in row] for row in moments + np.abs(wobble)]
        lines: list[str] = []
        lines += self._targets(tick, gap, stamps)
        lines += self._gpus(tick, gap, stamps[0])
        lines += self._hosts(tick, stamps[1])
        return "".join(lines)

    def _targets(
        self, tick: Tick, gap: Bools, stamps: list[list[str]]
    ) -> Iterator[str]:
        up = np.where(gap, 0.0, tick.exporter_up)
        for node in range(self.scenario.nodes):
            yield f"up{{{self._targets_of[0][node]}}} {up[node]:.0f} {stamps[0][node]}"
            host_up = tick.node_exporter_up[node]
            yield f"up{{{self._targets_of[1][node]}}} {host_up:.0f} {stamps[1][node]}"

    @cached_property
    def _targets_of(self) -> tuple[list[str], list[str]]:
        names = self.scenario.node_names
        return (
            [f'instance="{name}:{DCGM_PORT}",job="dcgm"' for name in names],
            [f'instance="{n}:{NODE_PORT}",job="node",node="{n}"' for n in names],
        )

    @cached_property
    def _before(self) -> list[str]:
        """Each GPU's labels, up to where a single field inserts its own."""
        newest = self.scenario.generation == "next"
        host = "hostname" if newest else "Hostname"
        driver = "SYSTEM_DRIVER_VERSION" if newest else "DRIVER_VERSION"
        return [
            f'gpu="{who.index}",UUID="{who.uuid}",pci_bus_id="{who.pci_bus_id}",'
            f'device="nvidia{who.index}",modelName="{self.scenario.model}",'
            f'{host}="{who.node}",DCGM_FI_{driver}="{DRIVER_VERSION}"'
            for who in self.scenario.gpus
        ]

    def _after(self, tick: Tick) -> list[str]:
        scenario = self.scenario
        targets = np.repeat(self._targets_of[0], scenario.gpus_per_node)
        jobs = ["", *(f',hpc_job="{job.name}"' for job in scenario.jobs)]
        shown = tick.job_of + 1 if scenario.labels else np.zeros_like(tick.job_of)
        pairs = zip(shown, targets, strict=True)
        return [f"{jobs[job]},{target}" for job, target in pairs]

    @cached_property
    def _fields(self) -> list[tuple[Field, str]]:
        """The page's fields, each with its name in a tick."""
        scenario = self.scenario
        current = {f.key: f.name for f in fields_of("current", scenario.csv)}
        chosen = fields_of(scenario.generation, scenario.csv)
        return [
            (field, current[field.key])
            for field in chosen
            if field.key in current and (self.keys is None or field.key in self.keys)
        ]

    def _gpus(self, tick: Tick, gap: Bools, stamps: list[str]) -> Iterator[str]:
        each = self.scenario.gpus_per_node
        answers = tick.present & ~np.repeat(gap, each)
        after, before = self._after(tick), self._before
        ends = [f"{stamp}" for stamp in stamps for _ in range(each)]
        rows = np.flatnonzero(answers).tolist()
        labels = [f"{before[row]}{after[row]}}} " for row in rows]
        for page, name in self._fields:
            if page.key == XID_KEY:
                continue
            texts = _texts(page, tick.values[name][rows])
            head = page.name + "{"
            for row, label, text in zip(rows, labels, texts, strict=True):
                if text != "nan":
                    yield f"{head}{label}{text} {ends[row]}"
        yield from self._xids(tick, np.repeat(gap, each), after, ends)

    def _xids(
        self, tick: Tick, gap: Bools, after: Sequence[str], ends: Sequence[str]
    ) -> Iterator[str]:
        page = next((f for f, _ in self._fields if f.key == XID_KEY), None)
        if page is None:
            return
        quiet = tick.present & ~gap
        uncounted = quiet.copy()
        for one in tick.xids:
            if gap[one.row]:
                continue
            quiet[one.row] = False
            yield self._xid(page, one.row, one.code, after, ends)
            if one.count > 0:
                uncounted[one.row] = False
                inside = f'{_WINDOW},xid="{one.code}"'
                yield self._count(one.row, inside, one.count, after, ends)
        if self.scenario.generation != "current":
            for row in np.flatnonzero(quiet).tolist():
                yield self._xid(page, row, 0, after, ends)
        if self.scenario.csv == "full":
            for row in np.flatnonzero(uncounted).tolist():
                yield self._count(row, _WINDOW, 0.0, after, ends)

    def _xid(
        self,
        page: Field,
        row: int,
        code: int,
        after: Sequence[str],
        ends: Sequence[str],
    ) -> str:
        text = f'err_code="{code}",err_msg="{xid_text(code)}"'
        labels = f"{self._before[row]},{text}{after[row]}"
        return f"{page.name}{{{labels}}} {code} {ends[row]}"

    def _count(
        self,
        row: int,
        inside: str,
        count: float,
        after: Sequence[str],
        ends: Sequence[str],
    ) -> str:
        labels = f"{self._before[row]},{inside}{after[row]}"
        return f"{XID_COUNT_NAME}{{{labels}}} {count:.0f} {ends[row]}"

    def _hosts(self, tick: Tick, stamps: list[str]) -> Iterator[str]:
        for node, target in enumerate(self._targets_of[1]):
            if tick.node_exporter_up[node] != 1:
                continue
            end = stamps[node]
            for name, column in tick.node_values.items():
                epoch = self.start_seconds if name == _EPOCH_NAME else 0.0
                yield f"{name}{{{target}}} {column[node] + epoch:.0f} {end}"
            uname = f'nodename="{self.scenario.node_names[node]}",sysname="Linux"'
            yield f"node_uname_info{{{uname},{target}}} 1 {end}"
            for name, table in tick.port_values.items():
                for port, value in enumerate(table[node].tolist()):
                    labels = f'device="mlx5_{port}",port="1",{target}'
                    yield f"{name}{{{labels}}} {value:.0f} {end}"
        if self.job_series:
            yield from self._jobs(tick, stamps)

    def _jobs(self, tick: Tick, stamps: list[str]) -> Iterator[str]:
        of_node = tick.job_of[:: self.scenario.gpus_per_node]
        for node in np.flatnonzero(of_node >= 0):
            job = self.scenario.jobs[of_node[node]].name
            name = self.scenario.node_names[node]
            labels = f'instance="head:8080",job="slurm",job_id="{job}"'
            yield f'{JOB_SERIES}{{{labels},node_name="{name}"}} 1 {stamps[0]}'
        for job, rate in tick.throughput.items():
            labels = f'instance="head:8080",job="train",job_id="{job}"'
            yield f"{THROUGHPUT_SERIES}{{{labels}}} {rate:.1f} {stamps[0]}"


def _texts(page: Field, values: Floats) -> list[str]:
    scaled = values * page.scale
    if page.decimals == 0 and not np.isnan(scaled).any():
        return [str(value) for value in np.rint(scaled).astype(np.int64).tolist()]
    return [f"{value:.{page.decimals}f}" for value in scaled.tolist()]
