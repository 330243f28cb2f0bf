"""The status page, the JSON API, health and metrics over HTTP."""

from gpuwatch.web.server import WebServer

__all__ = ["WebServer"]
