"""The store read directly, in the shapes of the API, while no daemon answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import uuid4

from gpuwatch.cli.remote import Asked, Record
from gpuwatch.errors import GpuwatchError
from gpuwatch.incidents.record import as_record, iso
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Event
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence, parse_matcher
from gpuwatch.ports import Store
from gpuwatch.settings import Settings
from gpuwatch.store.open import open_store


@contextmanager
def stored_desk(settings: Settings) -> Iterator[StoredDesk]:
    """Open the store beside a daemon that may be writing; StoreError if there is none.

    Nothing is created or migrated.
    """
    url = settings.store.url.get_secret_value()
    store = open_store(url, create=False, exclusive=False)
    try:
        yield StoredDesk(store, _clusters(settings))
    finally:
        store.close()


def _clusters(settings: Settings) -> Sequence[str]:
    names = [cluster.name for cluster in settings.prometheus]
    return [*names, settings.exporters.name] if settings.exporters.urls else names


class StoredDesk:
    """What the last cycle wrote; requests wait there until a daemon runs."""

    name = "the store (no daemon answers)"
    live = False

    def __init__(
        self,
        store: Store,
        clusters: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._names, self._clock = store, clusters, clock

    def incidents(self, *, every: bool, limit: int) -> Sequence[Record]:
        """As last written."""
        found = self._store.incidents(open_only=not every, limit=limit)
        return [as_record(incident) for incident in found]

    def incident(self, incident_id: str) -> Record | None:
        """None for an unknown id."""
        found = self._store.incident(incident_id)
        if found is None:
            return None
        story = [_event(event) for event in self._store.story(incident_id)]
        return {**as_record(found), "story": story}

    def silences(self) -> Sequence[Record]:
        """Of all configured clusters."""
        now = self._clock()
        return [
            _silence(silence, cluster, now)
            for cluster in self._names
            for silence in self._store.load(cluster)[0].silences.values()
        ]

    def clusters(self) -> Sequence[Record]:
        """Who is present is not known here: nobody looks now."""
        return [_cluster(self._store.load(name)[1]) for name in self._names]

    def ask(self, asked: Asked) -> str | None:
        """As the daemon would: an unknown or ended target is a GpuwatchError."""
        now = self._clock()
        silence = None
        if asked.kind is RequestKind.SILENCE:
            silence = _new_silence(asked, now)
        else:
            self._check_target(asked)
        self._store.ask(
            Request(
                asked.kind, now, asked.by, asked.target, asked.comment, silence=silence
            )
        )
        return silence.id if silence else None

    def _check_target(self, asked: Asked) -> None:
        checks: Mapping[RequestKind, Callable[[str], str]] = {
            RequestKind.ACK: self._incident_trouble,
            RequestKind.CLOSE: self._incident_trouble,
            RequestKind.UNSILENCE: self._silence_trouble,
            RequestKind.FORGET: self._place_trouble,
        }
        if trouble := checks[asked.kind](asked.target):
            raise GpuwatchError(trouble)

    def _incident_trouble(self, target: str) -> str:
        found = self._store.incident(target)
        if found is None:
            return f"no incident {target!r}"
        return "" if found.open else f"incident {target!r} has ended"

    def _silence_trouble(self, target: str) -> str:
        waiting = {r.silence.id for r in self._store.requests() if r.silence}
        known = {record["id"] for record in self.silences()} | waiting
        return "" if target in known else f"no silence {target!r}"

    def _place_trouble(self, target: str) -> str:
        for name in self._names:
            fleet = self._store.load(name)[1]
            if fleet.node_row(target) is not None:
                return ""
            if any(gpu.uuid == target for gpu in fleet.gpus):
                return ""
        return f"no node or GPU UUID {target!r}"


def _new_silence(asked: Asked, now: float) -> Silence:
    return Silence(
        id=f"sl-{uuid4().hex[:10]}",
        matchers=tuple(parse_matcher(text) for text in asked.matchers),
        starts_at=now,
        ends_at=asked.ends_at or now,
        author=asked.by,
        comment=asked.comment,
    )


def _event(event: Event) -> Record:
    return {
        "at": iso(event.at),
        "kind": event.kind.value,
        "text": event.text,
        "by": event.by or None,
    }


def _silence(silence: Silence, cluster: str, now: float) -> Record:
    return {
        "id": silence.id,
        "cluster": cluster,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "starts_at": iso(silence.starts_at),
        "ends_at": iso(silence.ends_at),
        "active": silence.active(now),
        "author": silence.author,
        "comment": silence.comment,
    }


def _cluster(fleet: Fleet) -> Record:
    gone = fleet.retired_nodes
    nodes = [_node(fleet, node) for node in fleet.nodes if node not in gone]
    return {"cluster": fleet.cluster, "at": None, "nodes": nodes}


def _node(fleet: Fleet, node: str) -> Record:
    rows = [int(row) for row in fleet.rows_of_node(node)]
    gpus: list[Record] = [
        {
            "uuid": fleet.gpus[row].uuid,
            "mig": fleet.gpus[row].mig or None,
            "index": fleet.gpus[row].index,
            "model": fleet.gpus[row].model or None,
            "present": None,
            "severity": None,
            "incidents": [],
        }
        for row in rows
        if row not in fleet.retired
    ]
    return {"node": node, "severity": None, "incidents": [], "gpus": gpus}
