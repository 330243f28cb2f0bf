"""A served page over a small site: real engine, real store, real HTTP."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from pydantic import SecretStr

from gpuwatch.engine.view import View, view_of
from gpuwatch.model.request import Request
from gpuwatch.model.rule import Rule
from gpuwatch.model.snapshot import Snapshot
from gpuwatch.settings.sections import WebSettings
from gpuwatch.store import SqlStore, open_store
from gpuwatch.web import WebServer
from tests.engine.toys import Site

TOKEN = "a-secret-token"  # noqa: S105  made up
TIMEOUT = 10


@dataclass
class House:
    """A toy site whose steps go to a store and whose view is served.

    `late_seconds`: how much later than the last poll the server's clock stands.
    """

    site: Site
    store: SqlStore
    late_seconds: float = 1.0
    views: dict[str, View] = field(default_factory=dict)
    url: str = ""

    @property
    def now(self) -> float:
        """The server's clock."""
        return self.site.now - 15.0 + self.late_seconds

    @property
    def rules(self) -> Mapping[str, Rule]:
        return self.site.engine.rules

    def poll(self, times: int = 1, requests: Sequence[Request] = ()) -> None:
        """Poll, write and show."""
        for _ in range(times):
            snapshot = self.site.snapshot()
            self.site.poll(1, requests)
            requests = ()
            self.store.commit(self.site.steps[-1], self.site.fleet, ["slack"])
            self.show(snapshot, good_at=snapshot.at)

    def show(self, snapshot: Snapshot, good_at: float) -> None:
        """Let the page see this."""
        self.views["c"] = view_of(self.site.engine, snapshot, good_at, {})

    def change(self, **changes: Any) -> None:
        """The same view with some parts changed."""
        self.views["c"] = replace(self.views["c"], **changes)

    def blind(self, reason: str) -> None:
        """A poll that reads nothing."""
        good_at = self.views["c"].good_at
        snapshot = Snapshot.blind(self.site.fleet, self.site.now, reason)
        step = self.site.engine.step(snapshot)
        self.site.engine.committed(step)
        self.site.now += 15.0
        self.show(snapshot, good_at)

    def get(self, path: str, **rest: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=TIMEOUT, **rest)

    def ask(self, body: Any, token: str | None = TOKEN) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/api/v1/requests"
        return requests.post(url, json=body, headers=headers, timeout=TIMEOUT)

    @property
    def incident(self) -> str:
        """The id of the only open incident."""
        (found,) = self.site.open
        return found.id


def web(listen: str = "127.0.0.1:0", token: str | None = None) -> WebSettings:
    return WebSettings(listen=listen, token=SecretStr(token) if token else None)


@contextmanager
def served(
    house: House, settings: WebSettings | None = None, **rest: Any
) -> Iterator[House]:
    """The house with its door open."""
    options = {"api_token": TOKEN, "poll_interval_seconds": 15.0, **rest}
    server = WebServer(
        lambda: dict(house.views),
        house.store,
        settings or web(),
        rules=lambda: house.rules,
        clock=lambda: house.now,
        **options,
    )
    server.start()
    house.url = server.url
    try:
        yield house
    finally:
        server.stop()


@contextmanager
def built(folder: Path, **site: Any) -> Iterator[House]:
    """A house that was polled once."""
    store = open_store(f"sqlite:///{folder / 'gpuwatch.db'}", create=True)
    try:
        house = House(Site(**site), store)
        house.poll()
        yield house
    finally:
        store.close()
