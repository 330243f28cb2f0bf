"""The line of dcgm-exporter's CSV that makes it export a metric."""

from __future__ import annotations

from gpuwatch.model.metric import Metric, catalogue

# How names of DCGM 4.7 end (dcgm.md 1.2); an exporter that has one knows all of them.
NEW_ENDINGS = ("_CELSIUS", "_HERTZ", "_WATTS", "_RATIO", "_JOULES_TOTAL")
OLD_REASONS = "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"
REASONS = "DCGM_FI_DEV_CLOCKS_EVENT_REASONS"
# Base-unit names of DCGM 4.6 and later are fields of their own, so both may be asked.
NODE_METRICS = "node_exporter"


def is_new(name: str) -> bool:
    """Whether a name is of DCGM 4.7's kind, with its unit at the end."""
    return name.upper().endswith(NEW_ENDINGS)


def field_name(metric: Metric, live: frozenset[str]) -> str:
    """The field to ask for, in the generation that the exporters there speak.

    The classic name works with every exporter since DCGM 3 but for the clock reasons,
    which DCGM 3 calls otherwise; new names only where others of them are seen.
    """
    names = [source.name for source in metric.names]
    if REASONS in names and OLD_REASONS in live:
        return OLD_REASONS
    if live and all(is_new(name) for name in live if _has_new_form(name)):
        return next((name for name in names if is_new(name)), names[0])
    return names[0]


def _has_new_form(name: str) -> bool:
    """Whether this name, or another one of its metric, ends in a unit."""
    for metric in catalogue().values():
        names = [source.name for source in metric.names]
        if name in names:
            return any(is_new(other) for other in names)
    return False


def csv_line(metric: Metric, live: frozenset[str]) -> str:
    """`FIELD, type, help`: Go's CSV takes neither quotes nor commas in the help."""
    kind = metric.kind if metric.kind in ("counter", "label") else "gauge"
    text = metric.meaning.replace(",", "").replace('"', "")
    return f"{field_name(metric, live)}, {kind}, {text[:1].upper()}{text[1:]}."
