"""The PromQL that gpuwatch asks, as text; labels are shed on the server.

Only what every backend has: exact names, `max`, `sum`, `count`, `timestamp`, `time`,
comparisons and set operators (alerting.md 3.4).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from gpuwatch.model.metric import SourceName

UUIDS = ("UUID", "uuid")
GPU = (*UUIDS, "GPU_I_ID")
CARD = (*UUIDS, "gpu_uuid")
LINK = (*CARD, "nvlink")
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def quoted(text: str) -> str:
    """A PromQL string; JSON's escapes are among Go's."""
    return json.dumps(text, ensure_ascii=False)


def any_of(values: Iterable[str]) -> str:
    """A quoted regex that matches these values and nothing else (RE2)."""
    return quoted("|".join(_SPECIAL.sub(r"\\\1", value) for value in sorted(values)))


def selector(name: str, **matchers: str) -> str:
    """A metric with `label=~...` matchers, each already quoted."""
    inside = ",".join(f"{label}=~{text}" for label, text in matchers.items())
    return f"{name}{{{inside}}}" if inside else name


def _by(labels: Sequence[str]) -> str:
    return f"by ({', '.join(labels)})"


def beat(name: str, labels: Sequence[str]) -> str:
    """When each GPU was last sampled; a bare selector, else it tells nothing."""
    return f"max {_by(labels)} (timestamp({name}))"


def beat_elsewhere(name: str, labels: Sequence[str], others: Sequence[str]) -> str:
    """The same, of GPUs that none of the other names knows."""
    rest = "".join(f" unless on ({', '.join(GPU)}) {other}" for other in others)
    return f"max {_by(labels)} (timestamp({name}){rest})"


@dataclass(frozen=True)
class Freshly:
    """Selectors that show no sample older than `max_age_seconds`.

    `checked=False`: trust the server (a look-back parameter, or staleness markers
    and the heartbeat); it saves a third of the work, which counts at 100,000 GPUs.
    Not `last_over_time`: it ignores staleness markers, so after each change of job
    the GPU's old and new series would both be seen and the larger would win.
    `ranged`: for range queries, in which `timestamp` is dear: the same by a sample
    within the age, which says nothing the name itself does not show.
    """

    max_age_seconds: float
    checked: bool = True
    ranged: bool = False

    def __call__(self, name: str, condition: str = "") -> str:
        """The name, where the condition (such as ` != 0`) holds."""
        if not self.checked:
            return f"{name}{condition}"
        if self.ranged:
            age = f"{max(1, round(self.max_age_seconds * 1000))}ms"
            return f"{name}{condition} and last_over_time({name}[{age}])"
        limit = f"time() - {self.max_age_seconds:.3f}"
        return f"{name}{condition} and (timestamp({name}) >= {limit})"


class Readings:
    """Queries for one exporter name of a metric, GPU by GPU or link by link."""

    def __init__(
        self, name: str, source: SourceName, scope: str, fresh: Freshly
    ) -> None:
        self._name, self._fresh = name, fresh
        self._state, self._links = source.equals, scope == "link"

    def every(self) -> str:
        """All values; of link states the number of links in that state, 0 too.

        In a range query labels are shed by the reader: it costs a third.
        """
        if not self._links and self._fresh.ranged:
            return self._fresh(self._name)
        if not self._links:
            return f"max {_by(GPU)} ({self._fresh(self._name)})"
        return self._sum_of_links("" if self._state is None else self._bool())

    def nonzero(self) -> str:
        """Only what is not zero: of 100,000 healthy GPUs, nothing."""
        if not self._links:
            return f"max {_by(GPU)} ({self._fresh(self._name, ' != 0')})"
        if self._state is None:
            return self._sum_of_links("", " != 0")
        return f"{self._sum_of_links(self._bool())} != 0"

    def _bool(self) -> str:
        return f" == bool {self._state:g}"

    def _sum_of_links(self, state: str, condition: str = "") -> str:
        """Each link once: replicas and duplicates must not add up."""
        link = f"max {_by(LINK)} ({self._fresh(self._name, condition)}){state}"
        return f"sum {_by(CARD)} ({link})"

    def exporting(self, place_labels: Sequence[str]) -> str:
        """How many GPUs of each node have a series at all, the presence proof."""
        if not self._links:
            return self._count(self._name, place_labels, GPU)
        cards = self._count(f'{self._name}{{gpu_uuid=""}}', place_labels, UUIDS)
        links = f'{self._name}{{gpu_uuid!=""}}'
        return f"{cards} or {self._count(links, place_labels, ('gpu_uuid',))}"

    def _count(self, name: str, places: Sequence[str], each: Sequence[str]) -> str:
        one = f"max {_by((*places, *each))} ({self._fresh(name)})"
        return f"count {_by(places)} ({one})"


def counted(name: str, seconds: float, *, links: bool) -> str:
    """Samples of each GPU in the `seconds` before; of a card's links the fewest."""
    count = f"count_over_time({name}[{max(1, round(seconds * 1000))}ms])"
    if links:
        return f"min {_by(CARD)} (sum {_by(LINK)} ({count}))"
    return f"sum {_by(GPU)} ({count})"


def codes(name: str, labels: Sequence[str], fresh: Freshly) -> str:
    """Non-zero values of a sparse event metric, with the labels that matter."""
    return f"max {_by(labels)} ({fresh(name, ' != 0')})"


def scrape_health(jobs: Collection[str], labels: Sequence[str], fresh: Freshly) -> str:
    """`up` of the targets of some scrape jobs, of all where none is known."""
    up = selector("up", job=any_of(jobs)) if jobs else "up"
    return f"max {_by(labels)} ({fresh(up)})"
