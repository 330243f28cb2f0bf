"""Taking up what people asked: acks, closings, silences, retirements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gpuwatch.incidents.book import Book
from gpuwatch.incidents.lifecycle import close
from gpuwatch.model.fleet import Fleet
from gpuwatch.model.incident import Ack, EventKind
from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Silence


class Asked:
    """One step's requests, applied to its working copies."""

    def __init__(
        self, book: Book, fleet: Fleet, silences: dict[str, Silence], now: float
    ) -> None:
        self._book, self._fleet, self._silences = book, fleet, silences
        self._now = now
        self.changed_silences: dict[str, Silence] = {}
        self.fleet_changed = False

    def take(self, requests: Sequence[Request]) -> tuple[int, ...]:
        """Apply all; ids of those taken up (an unknown target is taken up too)."""
        verbs: dict[RequestKind, Callable[[Request], None]] = {
            RequestKind.ACK: self._ack,
            RequestKind.CLOSE: self._close,
            RequestKind.SILENCE: self._silence,
            RequestKind.UNSILENCE: self._unsilence,
            RequestKind.FORGET: self._forget,
        }
        for request in requests:
            verbs[request.kind](request)
        return tuple(request.id for request in requests)

    def _ack(self, request: Request) -> None:
        incident = self._book.incidents.get(request.target)
        if incident is None or not incident.open:
            return
        ack = Ack(
            request.by, request.at, incident.severity, len(incident.members),
            request.comment,
        )  # fmt: skip
        self._book.incidents[incident.id] = replace(incident, ack=ack)
        self._note(incident.id, EventKind.ACKED, request)

    def _close(self, request: Request) -> None:
        incident = self._book.incidents.get(request.target)
        if incident is None or not incident.open:
            return
        for condition in self._book.of(incident.id):
            ended, _ = close(condition, self._now)
            if ended is not None:
                self._book.put(ended)
        self._note(incident.id, EventKind.CLOSED, request)

    def _note(self, incident_id: str, kind: EventKind, request: Request) -> None:
        text = f"by {request.by}" + (f": {request.comment}" if request.comment else "")
        self._book.note(incident_id, self._now, kind, text)

    def _silence(self, request: Request) -> None:
        if request.silence is not None:
            self._keep(request.silence)

    def _unsilence(self, request: Request) -> None:
        silence = self._silences.get(request.target)
        if silence is not None and silence.ends_at > self._now:
            self._keep(replace(silence, ends_at=self._now))

    def _keep(self, silence: Silence) -> None:
        self._silences[silence.id] = silence
        self.changed_silences[silence.id] = silence

    def _forget(self, request: Request) -> None:
        """A node by name, or every row of a GPU by UUID."""
        fleet = self._fleet
        if fleet.node_row(request.target) is not None:
            fleet.retire(nodes=[request.target])
        rows = [r for r, gpu in enumerate(fleet.gpus) if gpu.uuid == request.target]
        fleet.retire(rows=rows)
        self.fleet_changed = True
