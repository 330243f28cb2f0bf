"""FakePrometheus: scripted answers over real HTTP, for what must misbehave."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from gpuwatch.testing.exchange import Reply, Request
from gpuwatch.testing.prometheus.certificates import Certificate
from gpuwatch.testing.server import LoopbackServer

# (labels, value), or an entry of the API's own `result` list
Sample = tuple[Mapping[str, str], float] | Mapping[str, Any]
Samples = Sequence[Sample]
# a vector, what makes one for the evaluation time, or the API's own `data`
Answer = Samples | Callable[[float], Samples] | Mapping[str, Any]
API = "/api/v1/"
METHODS = ("query_range", "query")  # the names faults go by, besides these two:
LABEL_VALUES, OTHER = "label_values", "other"


class FakePrometheus(LoopbackServer):
    """The query API with scripted answers; what is not scripted is empty."""

    def __init__(
        self, *, port: int = 0, tls: bool = False, client_certificate: bool = False
    ) -> None:
        super().__init__(port=port)
        self._tls = tls or client_certificate
        self._asks_client = client_certificate
        self._lock = threading.Lock()
        self._answers: list[tuple[str, Answer]] = []
        self.label_values: dict[str, Sequence[str]] = {}
        self.pages: dict[str, Reply] = {}  # path -> answer, for anything else
        self.requests: list[Request] = []
        self.clock_offset_seconds = 0.0  # of Date and of the default query time
        self.certificate: Certificate | None = None
        self.client_certificate: Certificate | None = None

    def __enter__(self) -> Self:
        if self._tls:
            folder = Path(self._stack.enter_context(TemporaryDirectory()))
            self.certificate = Certificate.create(folder, "server")
            if self._asks_client:
                self.client_certificate = Certificate.create(folder, "client")
            self.tls_context = self.certificate.server_context(self._client_ca)
        return super().__enter__()

    @property
    def _client_ca(self) -> Path | None:
        made = self.client_certificate
        return None if made is None else made.cert_file

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return self.origin

    @property
    def ca_file(self) -> Path:
        """What a client has to trust; only with TLS."""
        if self.certificate is None:
            raise RuntimeError("ca_file exists only inside `with ...(tls=True)`")
        return self.certificate.cert_file

    def answer(self, query_substring: str, result: Answer) -> None:
        """Answer queries that contain a text; the latest such script wins."""
        with self._lock:
            self._answers.append((query_substring, result))

    @property
    def queries(self) -> list[str]:
        """The PromQL of every query received, in order."""
        with self._lock:
            return [r.args["query"] for r in self.requests if "query" in r.args]

    def receive(self, request: Request) -> str:
        """Take note of a request."""
        with self._lock:
            self.requests.append(request)
        endpoint = request.path.removeprefix(API)
        if endpoint in METHODS:
            return endpoint
        return LABEL_VALUES if _label(request.path) else OTHER

    def common_headers(self) -> Mapping[str, str]:
        """Tell the time by this server's clock."""
        return {"Date": formatdate(self._now_seconds(), usegmt=True)}

    def _now_seconds(self) -> float:
        return time.time() + self.clock_offset_seconds

    def respond(self, request: Request) -> Reply:
        """Answer as Prometheus does."""
        if request.path in self.pages:
            return self.pages[request.path]
        if label := _label(request.path):
            return _success(list(self.label_values.get(label, ())))
        endpoint = request.path.removeprefix(API)
        if endpoint not in METHODS:
            return Reply(404, b"404 page not found\n")
        if not request.args.get("query"):
            return _bad_data("unknown position: parse error: no expression found")
        try:
            return _success(self._data(endpoint, request.args))
        except (KeyError, ValueError) as error:
            return _bad_data(f"invalid parameter: {error}")

    def _data(self, endpoint: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        scripted = self._scripted(args["query"])
        if isinstance(scripted, Mapping):
            return scripted
        if endpoint == "query":
            return _vector(scripted, float(args.get("time") or self._now_seconds()))
        names = ("start", "end", "step")
        start, end, step = (float(args[name].removesuffix("s")) for name in names)
        return _matrix(scripted, start, end, step)

    def _scripted(self, query: str) -> Answer:
        with self._lock:
            fitting = (found for text, found in self._answers[::-1] if text in query)
            return next(fitting, ())


def _label(path: str) -> str:
    start, end = f"{API}label/", "/values"
    found = path.startswith(start) and path.endswith(end)
    return path.removeprefix(start).removesuffix(end) if found else ""


def _success(data: Any) -> Reply:
    return Reply.of_json({"status": "success", "data": data})


def _bad_data(error: str) -> Reply:
    document = {"status": "error", "errorType": "bad_data", "error": error}
    return Reply.of_json(document, 400)


Scripted = Samples | Callable[[float], Samples]


def _at(scripted: Scripted, at: float) -> Samples:
    return scripted(at) if callable(scripted) else scripted


def _vector(scripted: Scripted, at: float) -> dict[str, Any]:
    result = [
        {"metric": dict(sample[0]), "value": [at, spelled(sample[1])]}
        if isinstance(sample, tuple)
        else dict(sample)
        for sample in _at(scripted, at)
    ]
    return {"resultType": "vector", "result": result}


def _matrix(
    scripted: Scripted, start: float, end: float, step: float
) -> dict[str, Any]:
    series: dict[str, dict[str, Any]] = {}
    for index in range(int((end - start) / step) + 1):
        at = start + index * step
        for entry in _vector(scripted, at)["result"]:
            key = str(sorted(entry["metric"].items()))
            values = entry.get("values") or [entry["value"]]
            kept = series.setdefault(key, {"metric": entry["metric"], "values": []})
            kept["values"] = values if "values" in entry else kept["values"] + values
    return {"resultType": "matrix", "result": list(series.values())}


def spelled(value: float) -> str:
    """Spell a number as the API does: a string, NaN and +Inf included."""
    if value != value:  # noqa: PLR0124 (NaN)
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    return repr(float(value)).removesuffix(".0")
