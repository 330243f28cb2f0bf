"""gpuwatch's own metrics and logging; a leaf that everybody may use."""

from __future__ import annotations

import logging
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gpuwatch import __version__

REGISTRY = CollectorRegistry()

BUILD = Gauge("gpuwatch_build_info", "Version", ["version"], registry=REGISTRY)
CYCLES = Counter(
    "gpuwatch_cycles", "Cycles by outcome", ["cluster", "outcome"], registry=REGISTRY
)
STAGE_SECONDS = Histogram(
    "gpuwatch_stage_seconds",
    "Duration of a cycle's stages",
    ["cluster", "stage"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 30, 60),
    registry=REGISTRY,
)
LAST_GOOD = Gauge(
    "gpuwatch_last_good_cycle_timestamp_seconds",
    "When the last cycle could read, judge and write",
    ["cluster"],
    registry=REGISTRY,
)
GPUS = Gauge(
    "gpuwatch_gpus", "GPUs in service by presence", ["cluster", "state"],
    registry=REGISTRY,
)  # fmt: skip
INCIDENTS = Gauge(
    "gpuwatch_open_incidents", "Open incidents", ["cluster", "severity"],
    registry=REGISTRY,
)  # fmt: skip
RULE_KNOWN = Gauge(
    "gpuwatch_rule_known_subjects",
    "Subjects that a rule could judge in the last cycle; 0 = it sees nothing",
    ["cluster", "rule"],
    registry=REGISTRY,
)
FAILURES = Counter(
    "gpuwatch_failures", "Errors caught at a loop's edge", ["what"], registry=REGISTRY
)
DROPPED = Counter(
    "gpuwatch_impossible_samples",
    "Sentinels and impossible values made absent",
    ["cluster", "metric"],
    registry=REGISTRY,
)
MESSAGES = Counter(
    "gpuwatch_messages", "Messages queued by reason", ["reason"], registry=REGISTRY
)
OUTBOX_AGE = Gauge(
    "gpuwatch_outbox_oldest_seconds", "Age of the oldest unsent message",
    registry=REGISTRY,
)  # fmt: skip
OUTBOX_SIZE = Gauge("gpuwatch_outbox_messages", "Unsent messages", registry=REGISTRY)
DELIVERIES = Counter(
    "gpuwatch_deliveries", "Delivery attempts", ["receiver", "outcome"],
    registry=REGISTRY,
)  # fmt: skip
CONFIG_OK = Gauge(
    "gpuwatch_config_last_reload_successful", "1 = the last reload was taken up",
    registry=REGISTRY,
)  # fmt: skip

BUILD.labels(__version__).set(1)
CONFIG_OK.set(1)


class _KeyValue(logging.Formatter):
    """`2026-11-24T06:00:00Z INFO gpuwatch.cycle message`, one line an entry."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        printable = "".join(c if c.isprintable() or c == "\n" else "?" for c in line)
        return printable if record.exc_info else printable.replace("\n", "\\n")


def set_up_logging(level: str = "INFO") -> None:
    """Log to standard error; the journal adds its own time, people like theirs."""
    channel = logging.StreamHandler(sys.stderr)
    form = _KeyValue("%(asctime)s %(levelname)s %(name)s: %(message)s")
    channel.setFormatter(form)
    logging.basicConfig(level=level, handlers=[channel], force=True)
    for noisy in ("urllib3", "slack_sdk", "alembic", "apscheduler", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def report(what: str, error: Exception) -> None:
    """For `errors.guarded`: count it, and log it with its traceback."""
    FAILURES.labels(what).inc()
    logging.getLogger("gpuwatch").error("%s failed", what, exc_info=error)
