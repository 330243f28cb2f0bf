"""One HTTP request and its answer, within a deadline."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import requests
import urllib3

from gpuwatch.errors import SourceError
from gpuwatch.settings import PrometheusSettings
from gpuwatch.sources.prometheus.answer import (
    Answer,
    AnswerError,
    one_line,
    parsed,
    parsed_lifted,
)
from gpuwatch.sources.prometheus.deadline import Deadline, cut_off
from gpuwatch.sources.prometheus.session import secrets_of
from gpuwatch.sources.prometheus.vector import gc_paused

CHUNK_BYTES = 1 << 18
LARGEST_BYTES = 1 << 29  # 100,000 GPUs are some 30 MB a metric
SHORTEST_SECONDS = 0.001


@dataclass(frozen=True)
class Question:
    """What to ask: path below /api/v1, form, and what to call it in errors.

    `lift`: a large range answer is expected, its samples are wanted as arrays.
    """

    path: str
    form: Mapping[str, str]
    name: str
    post: bool = True
    lift: bool = False


class Exchange:
    """Requests over one session; each raises AnswerError when it did not work."""

    def __init__(self, session: requests.Session, settings: PrometheusSettings) -> None:
        self._session, self._settings = session, settings

    def ask(
        self,
        url: str,
        question: Question,
        deadline: Deadline,
        *,
        takes_timeout: bool = False,
    ) -> Answer:
        """The answer of the server at `url`, whole and before the deadline."""
        if deadline.remaining() <= SHORTEST_SECONDS:
            raise _late(question.name, "no time left in this cycle")
        try:
            secrets = tuple(secrets_of(self._session, self._settings))
            with cut_off(deadline):
                status, body = self._send(url, question, deadline, takes_timeout)
        except SourceError as error:
            raise AnswerError(question.name, error.reason) from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            _explain(error, url, question.name, deadline)
        with gc_paused(len(body)):
            read = parsed_lifted if question.lift else parsed
            return read(body, status, question.name, secrets)

    def _send(
        self, url: str, question: Question, deadline: Deadline, takes_timeout: bool
    ) -> tuple[int, bytes]:
        form = dict(question.form)
        if takes_timeout and question.path.startswith("query"):
            form["timeout"] = f"{max(1.0, deadline.remaining()):.3f}"
        seconds = max(SHORTEST_SECONDS, deadline.remaining())
        with self._session.request(
            "POST" if question.post else "GET",
            f"{url}/api/v1/{question.path}",
            data=form if question.post else None,
            params=None if question.post else form,
            timeout=(seconds, seconds),
            allow_redirects=False,
            stream=True,
        ) as response:
            return response.status_code, _read(response, question.name, deadline)


def _read(response: requests.Response, name: str, deadline: Deadline) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise SourceError(name, f"answer is larger than {LARGEST_BYTES} bytes")
        if deadline.remaining() <= 0:
            break
    if deadline.remaining() <= 0:  # a connection that we cut looks like a short answer
        raise requests.Timeout
    return bytes(body)


def _late(name: str, reason: str) -> AnswerError:
    return AnswerError(name, reason, retryable=True, transient=True)


def _explain(error: Exception, url: str, name: str, deadline: Deadline) -> NoReturn:
    """In our own words: those of the libraries hold addresses of Python objects."""
    if isinstance(error, requests.exceptions.SSLError):
        reason = one_line(f"TLS with {url} failed: {_deepest(error)}")
        raise AnswerError(name, reason) from error
    if isinstance(error, requests.Timeout) or deadline.remaining() <= 0:
        raise _late(name, f"no answer from {url} in time") from error
    deepest = _deepest(error)
    if isinstance(deepest, socket.gaierror):
        raise _late(name, f"the host of {url} has no address (DNS)") from error
    if isinstance(deepest, OSError) and deepest.strerror:
        raise _late(name, f"cannot talk to {url}: {deepest.strerror}") from error
    raise _late(name, f"the connection to {url} broke off") from error


def _deepest(error: BaseException) -> BaseException:
    """The operating system's own error, below the libraries' wrappings."""
    seen: BaseException = error
    while True:
        reason = getattr(seen, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        below = inner or seen.__cause__ or seen.__context__
        if below is None:
            return seen
        seen = below
