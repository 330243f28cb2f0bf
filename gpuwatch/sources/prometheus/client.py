"""The Prometheus HTTP API: an answer is whole and in time, or an error says why."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

import requests

from gpuwatch.errors import SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.answer import Answer, AnswerError
from gpuwatch.sources.prometheus.deadline import Deadline
from gpuwatch.sources.prometheus.endpoints import Endpoints
from gpuwatch.sources.prometheus.exchange import Exchange, Question
from gpuwatch.sources.prometheus.profile import (
    Profile,
    told_by_build,
    told_by_settings,
)
from gpuwatch.sources.prometheus.session import open_session
from gpuwatch.sources.prometheus.vector import (
    Matrix,
    Series,
    Vector,
    matrix_of,
    series_of,
    vector_of,
)

RETRIES = 2
BACKOFF_SECONDS = 0.2
PROBE_SECONDS = 2.0
# statuses of the build page that say nothing about what answers there
UNCLEAR = frozenset({None, 401, 429, 502, 503, 504})

__all__ = ["PrometheusClient", "Vector"]


class PrometheusClient:
    """One cluster's query API; may be used from several threads.

    Without `begin_cycle` each call has `deadline_seconds` to itself; from then on
    all calls share one deadline, until the next `begin_cycle` or `end_cycle`.
    Every method raises SourceError, ConfigError only on construction.
    """

    def __init__(
        self, settings: PrometheusSettings, *, deadline_seconds: float
    ) -> None:
        self.settings = settings
        self._deadline_seconds = deadline_seconds
        self._cycle: Deadline | None = None
        self._session: requests.Session = open_session(settings)
        self._exchange = Exchange(self._session, settings)
        self._endpoints = Endpoints(settings.addresses, settings.retry_first_after)
        self._profile = told_by_settings(settings)
        self._profile_lock = threading.Lock()

    def begin_cycle(self, deadline_seconds: float | None = None) -> None:
        """Start the one deadline of all calls to come; see if the first is back."""
        seconds = self._deadline_seconds
        self._cycle = Deadline.after(
            seconds if deadline_seconds is None else deadline_seconds
        )
        if self._endpoints.first_is_due:
            self._endpoints.first_tried(works=self._first_works(self._cycle))

    def end_cycle(self) -> None:
        """Each call has its own deadline again."""
        self._cycle = None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def query(self, expr: str, at: float, *, name: str = "") -> Vector:
        """An instant query at `at` (Unix seconds); `name` stands for it in errors."""
        label = name or expr
        form = {"query": expr, "time": _timestamp(at), **self._extra(label)}
        answer = self._ask(Question("query", form, label))
        return vector_of(answer, label)

    def query_range(
        self, expr: str, start: float, end: float, step: float, *, name: str = ""
    ) -> Series:
        """(labels, [(time, value), ...]) a series; at most 11,000 steps are allowed."""
        question = self._ranged(expr, start, end, step, name or expr)
        return series_of(self._ask(question), question.name)

    def matrix(
        self, expr: str, start: float, end: float, step: float, *, name: str = ""
    ) -> Matrix:
        """The same as arrays (times, values), for much data."""
        question = self._ranged(expr, start, end, step, name or expr)
        return matrix_of(self._ask(replace(question, lift=True)), question.name)

    def raw(
        self, selector: str, seconds: float, at: float, *, name: str = ""
    ) -> Matrix:
        """The samples as they were scraped in the `seconds` up to `at`."""
        label = name or selector
        expr = f"{selector}[{max(1, round(seconds * 1000))}ms]"
        form = {"query": expr, "time": _timestamp(at), **self._extra(label)}
        answer = self._ask(Question("query", form, label, lift=True))
        return matrix_of(answer, label)

    def _ranged(
        self, expr: str, start: float, end: float, step: float, label: str
    ) -> Question:
        window = {"start": _timestamp(start), "end": _timestamp(end)}
        form = {"query": expr, **window, "step": f"{step:.3f}", **self._extra(label)}
        return Question("query_range", form, label)

    def metric_names(self) -> frozenset[str]:
        """All metric names that the server knows, of whatever age."""
        label = "metric names"
        params = dict(self._known_profile(label).params)
        path = "label/__name__/values"
        names = self._ask(Question(path, params, label, post=False)).data
        if not isinstance(names, list):
            raise SourceError(label, "answer is not a list of names")
        return frozenset(str(name) for name in names)

    def server_time(self) -> float:
        """The server's clock, Unix seconds."""
        label = "server clock"
        form = {"query": "time()", **self._extra(label)}
        samples = vector_of(self._ask(Question("query", form, label)), label)
        if len(samples) != 1:
            raise SourceError(label, "time() did not answer one number")
        return samples[0][1]

    def build(self) -> dict[str, str]:
        """What the server says of its version; empty where it says nothing."""
        told = self._build("build information")
        return {key: value for key, value in told.items() if isinstance(value, str)}

    @property
    def profile(self) -> Profile:
        """The backend's ways; asks the server the first time unless settings say."""
        return self._known_profile("build information")

    @property
    def offset_seconds(self) -> float:
        """How far in the past to ask: as set, else as the backend needs."""
        offset = self.settings.offset
        return self.profile.offset_seconds if offset is None else offset

    def _known_profile(self, label: str) -> Profile:
        with self._profile_lock:
            if self._profile is None:
                self._profile = told_by_build(self._build_or_none(label))
            return self._profile

    def _build(self, label: str) -> Mapping[str, object]:
        return self._build_or_none(label) or {}

    def _build_or_none(self, label: str) -> Mapping[str, object] | None:
        question = Question("status/buildinfo", {}, label, post=False)
        try:
            data = self._ask(question).data
        except AnswerError as error:
            if error.status in UNCLEAR:
                raise
            return None
        return data if isinstance(data, dict) else None

    def _extra(self, label: str) -> dict[str, str]:
        return self._known_profile(label).form(self.settings.max_sample_age)

    def _ask(self, question: Question) -> Answer:
        """Ask, at most twice more where that can help and time is left."""
        deadline = self._cycle or Deadline.after(self._deadline_seconds)
        failures = 0
        while True:
            url = self._endpoints.current
            try:
                return self._attempt(url, question, deadline, failures)
            except AnswerError as error:
                if not self._again(error, url, failures, deadline):
                    raise
            failures += 1

    def _attempt(
        self, url: str, question: Question, deadline: Deadline, failures: int
    ) -> Answer:
        # a first address that hangs must leave time for the second
        share = 1 if self._endpoints.alone or failures else 2
        seconds = min(self.settings.timeout, deadline.remaining() / share)
        profile = self._profile
        takes_timeout = profile is not None and profile.takes_timeout
        return self._exchange.ask(
            url, question, deadline.within(seconds), takes_timeout=takes_timeout
        )

    def _again(
        self, error: AnswerError, url: str, failures: int, deadline: Deadline
    ) -> bool:
        if error.callers_fault:
            return False
        elsewhere = self._endpoints.failed(url)
        if failures >= RETRIES or not (elsewhere or error.transient):
            return False
        wait = 0.0 if elsewhere else BACKOFF_SECONDS * 2**failures
        if deadline.remaining() <= wait:
            return False
        time.sleep(wait)
        return True

    def _first_works(self, cycle: Deadline) -> bool:
        seconds = min(PROBE_SECONDS, cycle.remaining() / 4)
        probe = Question("query", {"query": "vector(1)"}, "probe")
        try:
            self._exchange.ask(self._endpoints.urls[0], probe, Deadline.after(seconds))
        except SourceError:
            return False
        return True


def _timestamp(seconds: float) -> str:
    return f"{seconds:.3f}"
