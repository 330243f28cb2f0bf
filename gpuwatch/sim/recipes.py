"""Recipes of labelled faults: what happens, and what a person would call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gpuwatch.sim.faults import JOB, Fault
from gpuwatch.sim.tick import Truth

Span = tuple[float, float]
Where = Literal["gpu", "node", "rail", "job", "rack", "quarter"]
SHIFT_SECONDS = 28_800.0


@dataclass(frozen=True)
class Place:
    """Where and when a recipe strikes: the nodes of one synchronous job."""

    rng: np.random.Generator
    nodes: tuple[str, ...]
    gpus_per_node: int
    onset_seconds: float
    end_seconds: float
    csv: str


@dataclass(frozen=True)
class Recipe:
    """One entry of the catalogue.

    Args:
        where: one GPU, one node, one rail (its truth is the node), the whole job, a
            rack of 4-6 neighbouring nodes, or a quarter of the job's nodes.
        percent, rate: the range from which the fault's own is drawn.
        seen: with which CSV an expert's rules see it: `full`, `any` or `never`.
        csv: the only CSV with which anybody can see it; "" = any.
        last_seconds: how long the fault lasts; 0 = as long as the scenario lets it.
        seconds: how long the scenario lasts; 0 = as usual.
        also: a second culprit, at another node and a little later.
    """

    name: str
    kind: str
    where: Where = "gpu"
    percent: Span | None = None
    rate: Span | None = None
    code: int | None = None
    width: int | None = None
    seen: Literal["full", "any", "never"] = "never"
    csv: str = ""
    last_seconds: float = 0.0
    seconds: float = 0.0
    also: Recipe | None = None

    def plan(self, place: Place) -> tuple[tuple[Fault, ...], tuple[Truth, ...]]:
        """Draw the faults and the truths about them."""
        nodes = [str(node) for node in place.rng.permutation(place.nodes)]
        faults, truths = self.at(place, nodes, place.onset_seconds)
        if self.also is not None:
            later = place.onset_seconds + float(place.rng.uniform(0, 240))
            more, others = self.also.at(place, nodes[1:], later)
            faults, truths = faults + more, truths + others
        return faults, truths

    def at(
        self, place: Place, nodes: list[str], start: float
    ) -> tuple[tuple[Fault, ...], tuple[Truth, ...]]:
        """The same without a second culprit, on the first of these nodes."""
        end = start + self.last_seconds if self.last_seconds else place.end_seconds
        gpu = int(place.rng.integers(place.gpus_per_node))
        percent, rate = self._drawn(place, self.percent), self._drawn(place, self.rate)
        chosen = self._nodes(place, nodes)
        faults = tuple(
            Fault(
                self.kind,
                node,
                gpu if self.where in ("gpu", "rail") else None,
                start,
                end,
                code=self.code,
                percent=percent,
                rate=rate,
                width=self.width,
            )
            for node in chosen
        )
        return faults, (self._truth(place, faults),)

    def _drawn(self, place: Place, span: Span | None) -> float | None:
        return None if span is None else float(place.rng.uniform(*span))

    def _nodes(self, place: Place, nodes: list[str]) -> tuple[str, ...]:
        if self.where == "job":
            return (JOB,)
        if self.where == "quarter":
            return tuple(sorted(nodes[: max(2, round(len(nodes) / 4))]))
        if self.where == "rack":
            count = int(place.rng.integers(4, 7))
            first = int(place.rng.integers(max(1, len(nodes) - count + 1)))
            return place.nodes[first : first + count]
        return (nodes[0],)

    def _truth(self, place: Place, faults: tuple[Fault, ...]) -> Truth:
        first = faults[0]
        group = self.where in ("rack", "quarter")
        alone = self.where in ("gpu", "node", "rail")
        return Truth(
            kind=self.name if group else self.kind,
            node=first.node if alone else "",
            gpu=first.gpu if self.where == "gpu" else None,
            onset_seconds=first.start_seconds,
            end_seconds=first.end_seconds,
            nodes=tuple(fault.node for fault in faults) if group else (),
            visible_to_expert=self.seen in ("any", place.csv),
        )


_LOCKED = Recipe("locked", "clock_locked", percent=(20, 40))
RECIPES: tuple[Recipe, ...] = (
    Recipe("thermal_severe", "thermal", percent=(35, 55), seen="any"),
    Recipe("thermal_mild", "thermal", percent=(12, 16), seen="any"),
    Recipe(
        *("thermal_cycling", "thermal_cycling"),
        percent=(30, 45),
        rate=(0.35, 0.5),
        seen="any",
    ),
    Recipe("power_brake", "power_brake", "node", percent=(40, 65), seen="full"),
    Recipe("hw_slowdown", "hw_slowdown", percent=(40, 60), seen="full"),
    Recipe("clock_locked_little", "clock_locked", percent=(12, 16)),
    Recipe("clock_locked_much", "clock_locked", percent=(25, 40)),
    Recipe("clock_locked_node", "clock_locked", "node", percent=(15, 35)),
    Recipe("memory_clock", "memory_clock", percent=(35, 60)),
    Recipe("memory_slow", "memory_slow", percent=(20, 40)),
    Recipe("starved", "starved", percent=(18, 40)),
    Recipe("host_slow", "host_slow", "node", percent=(15, 40)),
    Recipe("pcie_width", "pcie", percent=(12, 30), width=4, seen="full"),
    Recipe("rail_slow", "rail_slow", "rail", percent=(25, 50)),
    Recipe("rail_down", "rail_down", "rail", percent=(25, 50), seen="any"),
    Recipe("gpu_lost", "gpu_lost", seen="any"),
    Recipe("xid_79", "xid", code=79, seen="any"),
    Recipe("xid_94", "xid", code=94, seen="any"),
    Recipe("xid_74", "xid", code=74, seen="any"),
    Recipe("xid_119", "xid", code=119, seen="any"),
    Recipe("ecc", "ecc", seen="any"),
    Recipe("sbe", "sbe", rate=(20, 200), seen="any", csv="full"),
    Recipe("remap", "remap", seen="any", csv="full"),
    Recipe("nvlink", "nvlink", rate=(10, 200), seen="any", csv="full"),
    Recipe("hang", "hang", "job"),
    Recipe("hang_by_one", "hang"),
    Recipe("job_slow", "job_slow", "job", percent=(20, 45)),
    Recipe("node_down", "node_down", "node", seen="any"),
    Recipe("exporter_frozen", "exporter_frozen", "node"),
    Recipe("exporter_error", "exporter_error", "node", seen="any"),
    Recipe("two_locked", "clock_locked", percent=(25, 40), also=_LOCKED),
    Recipe("two_kinds", "thermal", percent=(30, 45), seen="any", also=_LOCKED),
    Recipe("rack_brake", "power_brake", "rack", percent=(40, 60), seen="full"),
    Recipe("rack_reboot", "reboot", "rack", seen="any", last_seconds=480),
    Recipe("fans", "fans", "node", seen="any"),
    Recipe("config_push", "clock_locked", "quarter", percent=(15, 35)),
    Recipe("drift", "drift", rate=(1.5, 4), seconds=SHIFT_SECONDS),
)


def names() -> Iterator[str]:
    """Every recipe's name."""
    return (recipe.name for recipe in RECIPES)
