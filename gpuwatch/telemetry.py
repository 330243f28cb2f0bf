"""gpuwatch's own metrics and logging; a leaf that everybody may use."""

from __future__ import annotations

import json
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


class _Line(logging.Formatter):
    """One line an entry, whatever strangers put into a label."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.exc_info:
            return line
        return "".join(c if c.isprintable() else "?" for c in line)


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def set_up_logging(level: str = "INFO", form: str = "text") -> None:
    """Log to standard error, as text or as JSON lines."""
    channel = logging.StreamHandler(sys.stderr)
    text = _Line("%(asctime)s %(levelname)s %(name)s: %(message)s")
    channel.setFormatter(_Json() if form == "json" else text)
    logging.basicConfig(level=level, handlers=[channel], force=True)
    for noisy in ("urllib3", "slack_sdk", "alembic", "apscheduler", "uvicorn"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def report(what: str, error: Exception) -> None:
    """For `errors.guarded`: count it, and log it with its traceback."""
    FAILURES.labels(what).inc()
    logging.getLogger("gpuwatch").error("%s failed", what, exc_info=error)
