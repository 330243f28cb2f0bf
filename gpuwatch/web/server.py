"""The HTTP server in its own thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace

import uvicorn
from starlette.types import Receive, Scope, Send

from gpuwatch.ports import Store
from gpuwatch.settings.sections import WebSettings
from gpuwatch.web.access import Access
from gpuwatch.web.app import make_app
from gpuwatch.web.listening import bind, url_of
from gpuwatch.web.site import Rules, Site, Views

GRACE_SECONDS = 1


class WebServer:
    """The status page, the API, /healthz, /readyz and /metrics.

    It listens as soon as it is constructed and answers after `start`, so a taken
    port is a ConfigError before the daemon calls itself ready.

    Args:
        views: the live values by cluster; called at each request.
        rules: the enabled rules by name, of now (a reload may change them).
        api_token: what requests that change something must bring, besides
            `settings.token`; with neither, nothing can be changed over HTTP.
        clusters: all that are configured; they count for /readyz before their
            first cycle.
    """

    def __init__(
        self,
        views: Views,
        store: Store,
        settings: WebSettings,
        *,
        rules: Rules,
        poll_interval_seconds: float,
        api_token: str | None = None,
        clusters: Collection[str] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._socket = bind(settings)
        self.url = url_of(self._socket)
        self._site = Site(views, store, rules, poll_interval_seconds, clusters, clock)
        self._app = make_app(self._site, Access.of(settings, api_token))
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._answer,
                interface="asgi3",
                log_config=None,
                lifespan="off",
                http="h11",
                ws="none",
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def reconfigure(
        self,
        settings: WebSettings,
        *,
        poll_interval_seconds: float,
        api_token: str | None = None,
        clusters: Collection[str] = (),
    ) -> None:
        """Answer by other settings from the next request on; `listen` stays."""
        self._site = replace(
            self._site, poll_interval_seconds=poll_interval_seconds, clusters=clusters
        )
        self._app = make_app(self._site, Access.of(settings, api_token))

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Let running answers end (1 s at most), close everything; harmless twice."""
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout / 2)
            self._server.force_exit = True
            self._thread.join(timeout / 2)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))
