"""A proxy before a real Prometheus that refuses, or counts, some queries."""

from typing import Self

import requests

from gpuwatch.testing import LoopbackServer, Reply, Request


class Refusing(LoopbackServer):
    """Passes everything on but queries that contain a text."""

    def __init__(self, upstream: str, text: str) -> None:
        super().__init__()
        self.upstream, self.text = upstream, text
        self.queries: list[str] = []
        self.times: set[str] = set()
        self._session = requests.Session()

    @property
    def url(self) -> str:
        return self.origin

    def receive(self, request: Request) -> str:
        args = request.args
        if "query" in args:
            self.queries.append(args["query"])
        if "time" in args:
            self.times.add(args["time"])
        return request.path

    def respond(self, request: Request) -> Reply:
        if self.text and self.text in request.args.get("query", ""):
            error = {
                "status": "error",
                "errorType": "x",
                "error": "refused by the test",
            }
            return Reply.of_json(error, 422)
        answer = self._session.request(
            request.verb,
            self.upstream + request.path,
            params=request.query,
            data=request.form,
            timeout=20,
        )
        return Reply(answer.status_code, answer.content, "application/json")

    def __enter__(self) -> Self:
        return super().__enter__()

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        self._session.close()
