"""From what somebody asked over HTTP to a request in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import uuid4

from fastapi import HTTPException

from gpuwatch.model.request import Request, RequestKind
from gpuwatch.model.silence import Matcher, Silence, parse_matcher
from gpuwatch.web.shapes import Asked, AskedBody
from gpuwatch.web.site import Site


def ask(site: Site, asked: Asked) -> AskedBody:
    """Check the target and append the request.

    Raises:
        HTTPException: 404 for an unknown target, 409 for an incident that has ended,
            422 for what makes no sense.
        StoreError: it was not written.
    """
    silence = _silence(site, asked) if asked.kind is RequestKind.SILENCE else None
    if silence is None:
        _check_target(site, asked)
    number = site.store.ask(
        Request(
            kind=asked.kind,
            at=site.clock(),
            by=asked.by,
            target=asked.target,
            comment=asked.comment,
            silence=silence,
        )
    )
    return AskedBody(request=number, silence=silence.id if silence else None)


def _silence(site: Site, asked: Asked) -> Silence:
    now = site.clock()
    if asked.target:
        raise HTTPException(422, "target: a silence is aimed by its matchers")
    if not asked.matchers:
        raise HTTPException(422, "matchers: name at least one, such as node=node-17")
    if asked.ends_at is None or asked.ends_at.timestamp() <= now:
        raise HTTPException(422, "ends_at: say until when, in the future")
    return Silence(
        id=f"sl-{uuid4().hex[:10]}",
        matchers=tuple(_matcher(text) for text in asked.matchers),
        starts_at=now,
        ends_at=asked.ends_at.timestamp(),
        author=asked.by,
        comment=asked.comment,
    )


def _matcher(text: str) -> Matcher:
    """OverflowError and RecursionError are what `re` says to absurd patterns."""
    try:
        return parse_matcher(text)
    except (ValueError, OverflowError, RecursionError) as error:
        raise HTTPException(422, f"matchers: {error}") from error


def _check_target(site: Site, asked: Asked) -> None:
    if asked.matchers or asked.ends_at is not None:
        raise HTTPException(422, "matchers and ends_at belong to silence only")
    if not asked.target:
        raise HTTPException(422, f"target: say what to {asked.kind.value}")
    checks: Mapping[RequestKind, Callable[[Site, str], None]] = {
        RequestKind.ACK: _open_incident,
        RequestKind.CLOSE: _open_incident,
        RequestKind.UNSILENCE: _known_silence,
        RequestKind.FORGET: _known_place,
    }
    checks[asked.kind](site, asked.target)


def _open_incident(site: Site, target: str) -> None:
    incident = site.store.incident(target)
    if incident is None:
        raise HTTPException(404, f"no incident {target!r}")
    if not incident.open:
        raise HTTPException(409, f"incident {target!r} has ended")


def _known_silence(site: Site, target: str) -> None:
    """Those in force, and those that were just asked for."""
    known = {s.id for view in site.views().values() for s in view.silences}
    asked = {r.silence.id for r in site.store.requests() if r.silence is not None}
    if target not in known | asked:
        raise HTTPException(404, f"no silence {target!r}")


def _known_place(site: Site, target: str) -> None:
    for view in site.views().values():
        if view.snapshot is None:
            continue
        fleet = view.snapshot.fleet
        if target in list(fleet.nodes) or target in {g.uuid for g in list(fleet.gpus)}:
            return
    raise HTTPException(404, f"no node or GPU UUID {target!r}")
