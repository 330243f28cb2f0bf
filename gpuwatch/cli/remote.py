"""Asking gpuwatch: the daemon's HTTP API first, the store where no daemon answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import requests

from gpuwatch.errors import GpuwatchError
from gpuwatch.model.request import RequestKind
from gpuwatch.settings import Settings

Record = dict[str, Any]
TIMEOUT_SECONDS = 10.0
PROBE_SECONDS = 3.0
API = "/api/v1"


@dataclass(frozen=True)
class Asked:
    """One thing asked; the same fields as the API's (design.md section 6).

    `ends_at`: Unix seconds; it and `matchers` belong to a silence.
    """

    kind: RequestKind
    by: str
    target: str = ""
    comment: str = ""
    matchers: tuple[str, ...] = ()
    ends_at: float | None = None


class Desk(Protocol):
    """Where incidents are looked up and requests are left; records as in the API."""

    name: str
    live: bool

    def incidents(self, *, every: bool, limit: int) -> Sequence[Record]:
        """Open ones, or all that are remembered; newest detection first."""

    def incident(self, incident_id: str) -> Record | None:
        """One with its `story`."""

    def silences(self) -> Sequence[Record]:
        """Current, coming and lately ended ones."""

    def clusters(self) -> Sequence[Record]:
        """Clusters with their nodes, and these with their GPUs."""

    def ask(self, asked: Asked) -> str | None:
        """Leave a request for the next cycle; the id of a new silence."""


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """The daemon if it answers on `web.listen`, else the store itself.

    GpuwatchError when neither can be used.
    """
    with requests.Session() as session:
        session.trust_env = False
        found = daemon_desk(session, settings)
        if found is not None:
            yield found
            return
    from gpuwatch.cli.stored import stored_desk  # noqa: PLC0415  slow to import

    with stored_desk(settings) as kept:
        yield kept


def daemon_desk(session: requests.Session, settings: Settings) -> DaemonDesk | None:
    """The daemon's desk; None when nothing, or something else, answers there."""
    daemon = DaemonDesk(session, settings.web.url_here, _token(settings))
    try:
        answer = session.get(f"{daemon.url}{API}/silences", timeout=PROBE_SECONDS)
    except requests.RequestException:
        return None
    if answer.status_code == requests.codes.unauthorized:
        return daemon if "error" in _document(answer) else None
    return daemon if "silences" in _document(answer) else None


def _token(settings: Settings) -> str | None:
    """None also where the file may not be read: reading needs no token on loopback."""
    from gpuwatch.web.token import api_token  # noqa: PLC0415  slow to import

    try:
        return api_token(settings, create=False)
    except OSError:
        return None


class DaemonDesk:
    """The daemon's HTTP API. Every refusal is a GpuwatchError in its own words."""

    live = True

    def __init__(self, session: requests.Session, url: str, token: str | None) -> None:
        self._session, self.url, self._token = session, url, token
        self.name = f"the daemon at {url}"

    def incidents(self, *, every: bool, limit: int) -> Sequence[Record]:
        """As the page shows them."""
        params = {"state": "all" if every else "open", "limit": str(limit)}
        found: Sequence[Record] = self._get("/incidents", params)["incidents"]
        return found

    def incident(self, incident_id: str) -> Record | None:
        """None for an unknown id."""
        quoted = quote(incident_id, safe="")
        answer = self._send("GET", f"/incidents/{quoted}")
        if answer.status_code == requests.codes.not_found:
            return None
        return self._agreed(answer)

    def silences(self) -> Sequence[Record]:
        """As the engine holds them now."""
        found: Sequence[Record] = self._get("/silences")["silences"]
        return found

    def clusters(self) -> Sequence[Record]:
        """As the last cycle saw them."""
        found: Sequence[Record] = self._get("/fleet")["clusters"]
        return found

    def ask(self, asked: Asked) -> str | None:
        """The next cycle takes it up."""
        body: Record = {
            "kind": asked.kind.value,
            "by": asked.by,
            "target": asked.target,
            "comment": asked.comment,
        }
        if asked.kind is RequestKind.SILENCE:
            body |= {"matchers": list(asked.matchers), "ends_at": asked.ends_at}
        answer = self._agreed(self._send("POST", "/requests", json=body))
        silence: str | None = answer.get("silence")
        return silence

    def _get(self, path: str, params: Mapping[str, str] | None = None) -> Record:
        return self._agreed(self._send("GET", path, params=params))

    def _send(self, verb: str, path: str, **rest: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            return self._session.request(
                verb,
                f"{self.url}{API}{path}",
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **rest,
            )
        except requests.RequestException as error:
            why = type(error).__name__
            raise GpuwatchError(f"{self.name} broke off ({why}); try again") from error

    def _agreed(self, answer: requests.Response) -> Record:
        if answer.ok:
            return _document(answer)
        said = str(_document(answer).get("error") or f"HTTP {answer.status_code}")
        raise GpuwatchError(f"{self.name} refuses: {said}{self._remedy(answer)}")

    def _remedy(self, answer: requests.Response) -> str:
        if answer.status_code not in (401, 403):
            return ""
        if self._token:
            return "; is it another gpuwatch's? check web.listen and web.token"
        return "; run this as the user that runs gpuwatch, or set web.token"


def _document(answer: requests.Response) -> Record:
    try:
        found = answer.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
