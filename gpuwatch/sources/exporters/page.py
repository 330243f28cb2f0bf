"""An exporter's page as samples, and per-link samples as one a GPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.parser import text_string_to_metric_families

from gpuwatch.sources.blocks import Labels

Sample = tuple[str, Labels, float]


def samples_of(text: str, instance: str) -> tuple[list[Sample], int]:
    """(name, labels with `instance`, value), and how many lines made no sense.

    The exporter can print a text where a number is due ("ERROR - FAILED TO CONVERT TO
    STRING"); that line is lost, not the page.
    """
    lines = [line for line in text.splitlines() if line and line[0] != "#"]
    try:
        return list(_parsed(lines, instance)), 0
    except ValueError:
        return _line_by_line(lines, instance)


def _parsed(lines: Sequence[str], instance: str) -> Iterator[Sample]:
    """Without `# TYPE` lines: the parser would put `_total` to counters' names."""
    for family in text_string_to_metric_families("\n".join([*lines, ""])):
        for sample in family.samples:
            yield sample.name, {**sample.labels, "instance": instance}, sample.value


def _line_by_line(lines: Sequence[str], instance: str) -> tuple[list[Sample], int]:
    found: list[Sample] = []
    broken = 0
    for line in lines:
        try:
            found += _parsed([line], instance)
        except ValueError:
            broken += 1
    return found, broken


def summed_links(
    samples: Iterable[tuple[Labels, float]], state: float | None
) -> list[tuple[Labels, float]]:
    """One sample a GPU: the sum over its links, or how many are in that state.

    A link that is shown twice counts once; a GPU's own total stays beside the sum
    of its links (the larger of the two is taken later).
    """
    links: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for labels, value in samples:
        kind = "gpu_uuid" if labels.get("gpu_uuid") else "UUID"
        uuid = labels.get("gpu_uuid") or labels.get("UUID") or labels.get("uuid") or ""
        link = labels.get("nvlink", "")
        known = links[kind, uuid]
        known[link] = max(value, known.get(link, value))
    return [({kind: uuid}, _total(one, state)) for (kind, uuid), one in links.items()]


def _total(links: dict[str, float], state: float | None) -> float:
    if state is None:
        return sum(links.values())
    return float(sum(value == state for value in links.values()))
