"""A fleet's history as OpenMetrics text, for `promtool tsdb create-blocks-from`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpuwatch.sim.fleet import SimFleet
from gpuwatch.sim.host import host_samples

DCGM_PORT, NODE_PORT = 9400, 9100


def backfill(
    fleet: SimFleet,
    *,
    start_seconds: float,
    end_seconds: float,
    step_seconds: float,
    nodes: Sequence[int] | None = None,
    node_exporter: bool = True,
) -> Iterator[str]:
    """Lines, newline included, of every scrape from start to end (Unix seconds).

    The fleet's second 0 is `start_seconds`, so its timetable counts from there. As
    Prometheus would, a scrape adds `instance` (node-01:9400), `job` and `up`; a
    failed one leaves `up` 0 alone. There are no staleness markers.
    """
    chosen = range(fleet.nodes) if nodes is None else nodes
    scrapes = int((end_seconds - start_seconds) / step_seconds + 1e-9) + 1
    for index in range(scrapes):
        fleet.advance(index * step_seconds)
        stamp = f"{start_seconds + index * step_seconds:.3f}"
        for node_index in chosen:
            yield from _dcgm_scrape(fleet, node_index, stamp)
            if node_exporter:
                yield from _node_scrape(fleet, node_index, start_seconds, stamp)
    yield "# EOF\n"


def _dcgm_scrape(fleet: SimFleet, node_index: int, stamp: str) -> Iterator[str]:
    target = f'instance="{fleet.node_names[node_index]}:{DCGM_PORT}",job="dcgm"'
    answers = fleet.condition(node_index) == "up"
    yield f"up{{{target}}} {int(answers)} {stamp}\n"
    if answers:
        families = fleet.exporter(node_index).families(fleet.readings)
        for *_, samples in families:
            for sample in samples:
                labels = f"{sample.labels},{target}"
                yield f"{sample.name}{{{labels}}} {sample.value} {stamp}\n"


def _node_scrape(
    fleet: SimFleet, node_index: int, epoch_seconds: float, stamp: str
) -> Iterator[str]:
    name = fleet.node_names[node_index]
    target = f'instance="{name}:{NODE_PORT}",job="node",node="{name}"'
    answers = fleet.condition(node_index) != "off"
    yield f"up{{{target}}} {int(answers)} {stamp}\n"
    if answers:
        for metric, labels, value in host_samples(fleet, node_index, epoch_seconds):
            more = f"{labels},{target}" if labels else target
            yield f"{metric}{{{more}}} {value} {stamp}\n"
