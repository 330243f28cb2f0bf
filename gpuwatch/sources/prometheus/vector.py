"""Series out of the API's JSON; orjson, and no garbage collection meanwhile."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gpuwatch.sources.prometheus.answer import Answer, AnswerError
from gpuwatch.sources.prometheus.lift import Samples

LARGE_BYTES = 1 << 20
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
Labels = dict[str, str]
Series = list[tuple[Labels, list[tuple[float, float]]]]
Matrix = list[tuple[Labels, Samples]]


class Vector(list[tuple[Labels, float]]):
    """Samples of one instant as (labels, value), in no particular order."""

    def __init__(
        self,
        samples: Iterable[tuple[Labels, float]] = (),
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(samples)
        self.warnings = warnings


def vector_of(answer: Answer, query: str) -> Vector:
    """A vector or scalar as a Vector; histogram samples are left out."""
    kind, result = _typed(answer, query, ("vector", "scalar"))
    try:
        if kind == "scalar":
            return Vector([({}, float(result[1]))], answer.warnings)
        samples = [
            (entry["metric"], float(value[1]))
            for entry in result
            if (value := entry.get("value")) is not None
        ]
    except MALFORMED as error:
        raise _nonsense(query) from error
    return Vector(samples, answer.warnings)


def series_of(answer: Answer, query: str) -> Series:
    """A matrix as (labels, [(time, value), ...]); histograms are left out."""
    _, result = _typed(answer, query, ("matrix",))
    try:
        return [
            (
                entry["metric"],
                [(float(at), float(value)) for at, value in values],
            )
            for entry in result
            if (values := entry.get("values")) is not None
        ]
    except MALFORMED as error:
        raise _nonsense(query) from error


def matrix_of(answer: Answer, query: str) -> Matrix:
    """A matrix as (labels, float64[samples, 2] of times and values)."""
    _, result = _typed(answer, query, ("matrix",))
    try:
        return [
            (entry["metric"], _samples(values, answer))
            for entry in result
            if (values := entry.get("values")) is not None
        ]
    except MALFORMED as error:
        raise _nonsense(query) from error


def _samples(values: Any, answer: Answer) -> Samples:
    if isinstance(values, int):
        return answer.samples[values]
    pairs = [(float(at), float(value)) for at, value in values]
    return np.array(pairs, np.float64).reshape(-1, 2)


def _typed(answer: Answer, query: str, kinds: tuple[str, ...]) -> tuple[str, Any]:
    data = answer.data
    if not isinstance(data, dict) or not isinstance(data.get("result"), list):
        raise _nonsense(query)
    kind = data.get("resultType")
    if kind not in kinds:
        word = kind if kind in {"vector", "scalar", "matrix", "string"} else "something"
        raise AnswerError(query, f"answered a {word}; expected a {kinds[0]}")
    return kind, data["result"]


def _nonsense(query: str) -> AnswerError:
    return AnswerError(query, "answer is not what the Prometheus API promises")


_lock = threading.Lock()
_pauses = 0


@contextmanager
def gc_paused(body_bytes: int) -> Iterator[None]:
    """No garbage collection while a large answer becomes millions of objects.

    Counted, so that threads which decode at the same time do not end each other's.
    """
    if body_bytes < LARGE_BYTES or not _pause():
        yield
        return
    try:
        yield
    finally:
        _resume()


def _pause() -> bool:
    global _pauses  # noqa: PLW0603  the collector is global too
    with _lock:
        if _pauses == 0 and not gc.isenabled():
            return False
        gc.disable()
        _pauses += 1
        return True


def _resume() -> None:
    global _pauses  # noqa: PLW0603
    with _lock:
        _pauses -= 1
        if _pauses == 0:
            gc.enable()
