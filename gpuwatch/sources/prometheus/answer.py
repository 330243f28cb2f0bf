"""From an HTTP answer to its data, or to an error that says what went wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from gpuwatch.errors import SourceError
from gpuwatch.sources.prometheus.lift import Samples, lifted

LONGEST_REASON = 200
CALLERS_FAULT = frozenset({400, 413, 414, 422})
RETRIED = frozenset({502, 503, 504})
LATER = RETRIED | {408, 429, 499, 500}
HINTS = {
    401: "credentials refused; check bearer_token, basic_auth, tenant",
    403: "access denied; check credentials and tenant",
    404: "no Prometheus API at this address; check url and its path",
    405: "POST refused; let it through the proxy",
    413: "query too long for this server",
    414: "query too long for this server",
    429: "too many requests; the server asks us to slow down",
}
# Thanos' and Prometheus' remote read's words for data that is missing; annotations
# such as "PromQL info: metric might not be a counter" are not among them
PARTIAL = re.compile(
    r"partial|no storeapis|rpc error|(fetch|receive|read)\w* series|truncated"
    r"|deadline exceeded|connection refused|unavailable|remote.?read",
    re.IGNORECASE,
)


class AnswerError(SourceError):
    """A SourceError that also knows whether to ask again at once, or elsewhere.

    `status`: of the HTTP answer; None when there was none.
    """

    def __init__(
        self,
        query: str,
        reason: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        partial: bool = False,
        transient: bool = False,
    ) -> None:
        self.status, self.transient = status, transient
        super().__init__(query, reason, retryable=retryable, partial=partial)

    @property
    def callers_fault(self) -> bool:
        """The query itself is wrong: no server will take it."""
        return self.status in CALLERS_FAULT


@dataclass(frozen=True)
class Answer:
    """What the API answered: `data` as it came, and its harmless warnings.

    `samples`: the values of its series, where they were lifted out of `data`.
    """

    data: Any
    warnings: tuple[str, ...] = ()
    samples: Sequence[Samples] = ()


def one_line(text: object, secrets: tuple[str, ...] = ()) -> str:
    """At most 200 printable characters on one line, secrets blotted out."""
    words = str(text)
    for secret in secrets:
        words = words.replace(secret, "***")
    printable = "".join(c if c.isprintable() else " " for c in words[:4000])
    short = " ".join(printable.split())
    return short if len(short) <= LONGEST_REASON else short[: LONGEST_REASON - 1] + "…"


def parsed_lifted(
    body: bytes, status: int, query: str, secrets: tuple[str, ...]
) -> Answer:
    """The same as `parsed`, with the samples of a range answer as arrays."""
    skeleton, samples = lifted(body)
    return replace(parsed(skeleton, status, query, secrets), samples=samples)


def parsed(body: bytes, status: int, query: str, secrets: tuple[str, ...]) -> Answer:
    """The data of a success; AnswerError for everything else."""
    if 300 <= status < 400:
        raise AnswerError(
            query,
            f"HTTP {status}: redirected; write the final address in url",
            status=status,
        )
    document = _document(body)
    if document is None:
        raise _unreadable(body, status, query)
    if status != 200 or document.get("status") != "success":
        raise _refused(document, status, query, secrets)
    return _whole(document, query, secrets)


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def _unreadable(body: bytes, status: int, query: str) -> AnswerError:
    """Not JSON: an error of a proxy, a web page, or the first part of an answer."""
    if status != 200:
        said = HINTS.get(status, "not JSON (an error of a proxy?)")
    elif body.lstrip()[:1] == b"{":
        said = "answer cut short or broken"
    else:
        said = "not JSON (a web page? check url and its path)"
    cut = status == 200 and body.lstrip()[:1] in {b"{", b""}
    return AnswerError(
        query,
        f"HTTP {status}: {said}",
        status=status,
        retryable=cut or status in LATER,
        transient=cut or status in RETRIED,
    )


def _refused(
    document: dict[str, Any], status: int, query: str, secrets: tuple[str, ...]
) -> AnswerError:
    said = document.get("error") or document.get("message") or HINTS.get(status, "")
    kind = document.get("errorType") or "error"
    reason = one_line(f"HTTP {status}: {kind}: {said}", secrets)
    return AnswerError(
        query,
        reason,
        status=status,
        retryable=status in LATER,
        transient=status in RETRIED,
    )


def _whole(document: dict[str, Any], query: str, secrets: tuple[str, ...]) -> Answer:
    if document.get("isPartial") is True:
        raise _partial(query, "the server marked its answer as partial")
    warnings = document.get("warnings") or ()
    told = tuple(one_line(warning, secrets) for warning in warnings)
    missing = next((warning for warning in told if PARTIAL.search(warning)), None)
    if missing is not None:
        raise _partial(query, one_line(f"partial answer: {missing}"))
    return Answer(document.get("data"), told)


def _partial(query: str, reason: str) -> AnswerError:
    return AnswerError(query, reason, status=200, retryable=True, partial=True)
