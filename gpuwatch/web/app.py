"""The application: routes, the door, and one way to say no."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response

from gpuwatch import __version__
from gpuwatch.errors import StoreError
from gpuwatch.telemetry import FAILURES
from gpuwatch.web import api, pages
from gpuwatch.web.access import Access, Gate
from gpuwatch.web.readiness import readiness
from gpuwatch.web.scrape import exposition
from gpuwatch.web.site import Site

LONGEST_ERROR_CHARACTERS = 300


def make_app(site: Site, access: Access) -> Gate:
    """The whole ASGI application; its documentation is JSON, no pages from a CDN.

    The gate stands outside, so that even the answer to a failure has its headers.
    """
    app = FastAPI(
        title="gpuwatch",
        version=__version__,
        openapi_url=f"{api.PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(api.make_router(site))
    app.include_router(pages.make_router(site))
    _add_probes(app, site)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(StoreError, _no_store)
    app.add_exception_handler(Exception, _broken)
    return Gate(app, access)


def _add_probes(app: FastAPI, site: Site) -> None:
    @app.api_route("/healthz", methods=pages.READ, include_in_schema=False)
    async def healthz() -> Response:
        return PlainTextResponse("ok\n")

    @app.api_route("/readyz", methods=pages.READ, include_in_schema=False)
    def readyz() -> Response:
        ready, body = readiness(site)
        return api.as_json(body, 200 if ready else 503)

    @app.api_route("/metrics", methods=pages.READ, include_in_schema=False)
    def metrics() -> Response:
        return Response(exposition(site), media_type=CONTENT_TYPE_LATEST)


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    if _is_api(request):
        return _error(status, detail)
    if status == 404:
        return pages.not_found("This page does not exist, or no longer.")
    return pages.failed(status, "That did not work", detail)


async def _invalid(request: Request, error: Exception) -> Response:
    """Names the place and the problem, never repeats what was sent."""
    del request
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    where = ".".join(str(part) for part in first.get("loc", ())[1:])
    return _error(422, f"{where or 'body'}: {first.get('msg', 'not understood')}")


async def _no_store(request: Request, error: Exception) -> Response:
    text = f"the store refuses: {error}"
    if _is_api(request):
        return _error(503, text)
    return pages.failed(503, "The store does not answer", text)


async def _broken(request: Request, error: Exception) -> Response:
    """Counted; the traceback goes to the log (by uvicorn), not to the page."""
    del error
    FAILURES.labels("web").inc()
    text = "an error in gpuwatch; its log says more"
    return _error(500, text) if _is_api(request) else pages.failed(500, "Sorry", text)


def _is_api(request: Request) -> bool:
    return request.url.path.startswith(api.PREFIX)


def _error(status: int, text: str) -> Response:
    line = " ".join(text.split())[:LONGEST_ERROR_CHARACTERS]
    return api.as_json({"error": line}, status)
