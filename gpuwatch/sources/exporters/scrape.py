"""All pages at once, before one deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

from gpuwatch.errors import SourceError
from gpuwatch.sources.prometheus.deadline import Deadline, DeadlineAdapter, cut_off

# 8 GPUs with 600 series each are 2 MB; a page beyond this is not an exporter's.
LARGEST_BYTES = 32 << 20
CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class Page:
    """What one exporter answered, or (`text` None) why it did not."""

    instance: str
    at: float
    text: str | None
    reason: str = ""


def instance_of(url: str) -> str:
    """host:port, as Prometheus would label it."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def page_url(url: str) -> str:
    """The address with a path: /metrics, unless one is given."""
    return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/metrics"


class Scraper:
    """Fetches pages over kept connections; a failure is part of the answer."""

    def __init__(self, urls: Sequence[str], threads: int) -> None:
        self.urls = tuple(urls)
        self._session = requests.Session()
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter(connections=threads))

    def pages(self, executor: Executor, seconds: float) -> list[Page]:
        """One page an exporter, in the order of `urls`."""
        deadline = Deadline.after(seconds)
        return list(executor.map(lambda url: self._page(url, deadline), self.urls))

    def _page(self, url: str, deadline: Deadline) -> Page:
        instance = instance_of(url)
        try:
            text = self._text(page_url(url), deadline)
        except SourceError as error:
            return Page(instance, time.time(), None, error.reason)
        except requests.Timeout:
            return Page(instance, time.time(), None, "no answer in time")
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            return Page(instance, time.time(), None, _reason(error, deadline))
        return Page(instance, time.time(), text)

    def _text(self, url: str, deadline: Deadline) -> str:
        seconds = max(0.001, deadline.remaining())
        with (
            cut_off(deadline),
            self._session.get(
                url, timeout=seconds, stream=True, allow_redirects=False
            ) as response,
        ):
            if response.status_code != requests.codes.ok:
                raise SourceError("", f"HTTP {response.status_code}")
            body = bytearray()
            for chunk in response.iter_content(CHUNK_BYTES):
                body += chunk
                if len(body) > LARGEST_BYTES:
                    raise SourceError("", "page is larger than any exporter's")
        return body.decode("utf-8", errors="replace")

    def close(self) -> None:
        """Close all connections."""
        self._session.close()


def _reason(error: Exception, deadline: Deadline) -> str:
    if deadline.remaining() == 0:
        return "no answer in time"
    return f"no answer ({type(error).__name__})"
