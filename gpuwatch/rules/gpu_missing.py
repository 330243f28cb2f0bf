"""A GPU that used to be there and is gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np
from pydantic import Field, field_validator

from gpuwatch.model.duration import Seconds
from gpuwatch.model.identity import Gpu
from gpuwatch.model.rule import Rule, RuleParams
from gpuwatch.model.severity import Category, Severity
from gpuwatch.model.signs import SIGN_READS, Signs, booting, signs_of_life
from gpuwatch.model.snapshot import Mask
from gpuwatch.model.verdict import Finding, Verdicts, Words
from gpuwatch.model.window import Window


class GpuMissing(Rule):
    """A GPU has vanished from a node whose other GPUs are still there.

    What: a known GPU has no series while its node's exporter answers and shows others,
    for 30 seconds and three polls. Another card in the same slot is a replacement. With
    `expected_gpus` set, nodes that show fewer than that are named instead.

    Why: a GPU that fell off the bus takes its own alerts with it: nothing fires any
    more, and the job hangs.

    First response: `nvidia-smi -L` and `dmesg | grep -i xid` on the node; drain and
    reboot it; if the GPU stays away, reseat or replace it.

    Source: dcgm-exporter issue 348; dcgm.md 8: a hot reload empties the page for 2-3
    seconds, hence three polls.
    """

    name = "gpu_missing"
    category = Category.AVAILABILITY
    samples = (3, 3)
    slows_job = True
    yields_to = ("xid", "node_silent", "exporter_down")
    reads = SIGN_READS

    class Params(RuleParams):
        """Thresholds of gpu_missing."""

        severity: Severity = Severity.CRITICAL
        hold: Seconds = Field(30.0, ge=0, description="must be gone this long")
        expected_gpus: dict[str, int] = Field(
            {},
            description="GPUs that nodes must have, by node regex; a bare number is "
            "for all; none = learn from the node's past",
        )

        @field_validator("expected_gpus", mode="before")
        @classmethod
        def _for_all_nodes(cls, value: object) -> object:
            return {".*": value} if isinstance(value, int | str) else value

        @field_validator("expected_gpus")
        @classmethod
        def _can_be(cls, value: dict[str, int]) -> dict[str, int]:
            for pattern, count in value.items():
                if count < 0:
                    raise ValueError(f"{count} GPUs cannot be; write 0 or more")
                _compiled(pattern)
            return value

        def expected_on(self, node: str) -> int | None:
            """By the first pattern that matches the whole name; None = not said."""
            found = (n for p, n in self.expected_gpus.items() if re.fullmatch(p, node))
            return next(found, None)

    params: Params

    def judge(self, window: Window) -> Verdicts:
        """By GPU, or by node where a number is expected."""
        signs = signs_of_life(window)
        gone = _gone(window, signs)
        if self.params.expected_gpus:
            return self._by_node(window, signs, gone)
        now = window.now
        node_of = now.fleet.node_of[: now.rows]
        judged = (signs.answers & (signs.present > 0))[node_of]
        judged &= now.fleet.in_service[: now.rows]
        return Verdicts(
            firing=gone,
            known=gone | (judged & now.present),
            evidence={
                "gpus_present_on_node": signs.present[node_of].astype(np.float64),
                "gpus_known_on_node": signs.gpus[node_of].astype(np.float64),
            },
        )

    def _by_node(self, window: Window, signs: Signs, gone: Mask) -> Verdicts:
        fleet = window.now.fleet
        said = [self.params.expected_on(node) for node in fleet.nodes]
        expected = np.array([n or 0 for n in said], np.int64)
        retired = fleet.retired_nodes
        in_use = np.array([node not in retired for node in fleet.nodes], bool)
        known = signs.answers & (signs.present > 0) & in_use & ~booting(window)
        missing = np.maximum(expected - _cards(window), 0)
        lost = _slots(fleet.gpus[row] for row in np.flatnonzero(gone).tolist())
        return Verdicts(
            firing=known & (missing > 0),
            known=known,
            subjects=tuple(fleet.node_subject(n) for n in range(len(fleet.nodes))),
            evidence={
                "missing_gpus": missing.astype(np.float64),
                "expected_gpus": expected.astype(np.float64),
            },
            words=tuple(lost.get(node, "") for node in fleet.nodes),
        )

    def expects(self, node: str) -> bool:
        """Nodes with a number of GPUs to show."""
        return bool(self.params.expected_on(node))

    def explain(self, finding: Finding) -> Words:
        """Which, or how many."""
        missing = finding.value("missing_gpus", float(len(finding.members)))
        summary = f"{missing:.0f} GPUs missing" if missing > 1 else "GPU is missing"
        known = f"Last seen there: {finding.words}. " if finding.words else ""
        return Words(
            summary,
            f"{known}Look for an XID in the node's kernel log, then drain and reboot "
            "it. If the GPU stays away, reseat or replace it.",
        )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _gone(window: Window, signs: Signs) -> Mask:
    """Rows in service without a series, whose node shows others, and no new card."""
    now = window.now
    node_of = now.fleet.node_of[: now.rows]
    shows_others = (signs.answers & (signs.present > 0))[node_of]
    gone: Mask = ~now.present & shows_others & now.fleet.in_service[: now.rows]
    suspects = np.flatnonzero(gone)
    if len(suspects) == 0:
        return gone
    there = np.flatnonzero(now.present & np.isin(node_of, node_of[suspects]))
    cards = [now.fleet.gpus[row] for row in there.tolist()]
    taken = {(card.node, card.index) for card in cards if card.index is not None}
    seen = {(card.node, card.uuid) for card in cards}
    for row in suspects.tolist():
        gpu = now.fleet.gpus[row]
        here = (gpu.node, gpu.index) in taken or (gpu.node, gpu.uuid) in seen
        gone[row] = not here
    return gone


def _cards(window: Window) -> np.ndarray:
    """Distinct boards present per node; the MIG instances of one count once."""
    now = window.now
    cards = {
        (node, now.fleet.gpus[row].uuid)
        for row, node in enumerate(now.fleet.node_of[: now.rows].tolist())
        if now.present[row]
    }
    nodes = np.array([node for node, _ in cards], np.int64)
    return np.bincount(nodes, minlength=len(now.fleet.nodes))


def _slots(gpus: Iterable[Gpu]) -> Mapping[str, str]:
    """The lost GPUs of each node, by slot where it is known."""
    lost: dict[str, list[str]] = {}
    for gpu in gpus:
        slot = gpu.uuid if gpu.index is None else f"GPU {gpu.index} ({gpu.uuid})"
        lost.setdefault(gpu.node, []).append(slot)
    return {node: ", ".join(slots) for node, slots in lost.items()}
