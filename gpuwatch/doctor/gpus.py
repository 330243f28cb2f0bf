"""How many GPUs and nodes, and whether each node has as many as it should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gpuwatch.doctor.finding import Finding, counted, fail, ok, some, warn
from gpuwatch.doctor.sight import Seen
from gpuwatch.rules.gpu_missing import GpuMissing

# A count that few nodes have, while most have more, is a missing GPU, not a kind.
RARE_SHARE = 0.1


def gpus(seen: Seen) -> Finding:
    """The live ones, and nodes that show fewer than they should."""
    counts = _per_node(seen)
    total = sum(counts.values())
    if not total:
        return fail(
            "GPUs",
            "Prometheus answers, but knows no live GPU series",
            "is dcgm-exporter scraped? look at Prometheus's page /targets",
        )
    short = _short(counts, _expectation(seen))
    models = sorted({gpu.model for gpu in seen.fleet.gpus if gpu.model})
    kinds = f", {some(models, 3)}" if models else ""
    what = f"{counted(total, 'GPU')} on {counted(len(counts), 'node')}{kinds}"
    if not short:
        return ok("GPUs", what)
    told = [f"{node} shows {has} of {due}" for node, (has, due) in short.items()]
    return warn("GPUs", f"{what}; {some(told, 3)}", "see `gpuwatch check` for why")


def _per_node(seen: Seen) -> Mapping[str, int]:
    """Live cards by node; MIG instances of one card count once."""
    fleet, present = seen.fleet, seen.snapshot.present
    cards = {(gpu.node, gpu.uuid) for gpu, on in zip(fleet.gpus, present, strict=False)
             if on}  # fmt: skip
    return Counter(node for node, _ in cards)


def _short(
    counts: Mapping[str, int], expected: GpuMissing.Params
) -> Mapping[str, tuple[int, int]]:
    """Nodes with too few: (shown, due)."""
    usual = Counter(counts.values())
    short = {}
    for node, has in sorted(counts.items()):
        due = expected.expected_on(node)
        if due is None:
            due = _due(has, usual)
        if has < due:
            short[node] = (has, due)
    return short


def _expectation(seen: Seen) -> GpuMissing.Params:
    """As the rule is configured; a wrong configuration is told elsewhere."""
    return GpuMissing.Params(**seen.settings.rules.get(GpuMissing.name, {}))


def _due(has: int, usual: Counter[int]) -> int:
    most = usual.most_common(1)[0][0]
    rare = usual[has] < max(2.0, RARE_SHARE * usual.total())
    return most if rare and usual[most] > 1 else has
