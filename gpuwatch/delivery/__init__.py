"""Delivery: the thread that empties the outbox."""

from gpuwatch.delivery.gate import Stats
from gpuwatch.delivery.worker import Delivery

__all__ = ["Delivery", "Stats"]
