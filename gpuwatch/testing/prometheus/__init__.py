"""Prometheus for tests: the real binary, and a fake for what must misbehave."""

from gpuwatch.testing.prometheus.certificates import Certificate
from gpuwatch.testing.prometheus.fake import FakePrometheus
from gpuwatch.testing.prometheus.faults import ErrorAnswer, IsPartial, Warnings
from gpuwatch.testing.prometheus.real import (
    RealPrometheus,
    backfilled,
    prometheus_available,
)

__all__ = [
    "Certificate",
    "ErrorAnswer",
    "FakePrometheus",
    "IsPartial",
    "RealPrometheus",
    "Warnings",
    "backfilled",
    "prometheus_available",
]
