"""The JSON API under /api/v1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from gpuwatch.engine.view import View
from gpuwatch.incidents.record import as_record, document, iso
from gpuwatch.model.incident import Event, Incident
from gpuwatch.web import shapes
from gpuwatch.web.asking import ask
from gpuwatch.web.picture import Cell, Tile, picture_of
from gpuwatch.web.sight import coverage_record, judging_gpus
from gpuwatch.web.site import Site

PREFIX = "/api/v1"
ERRORS: dict[int | str, dict[str, Any]] = {
    401: {"model": shapes.ErrorBody, "description": "the token is needed"},
    422: {"model": shapes.ErrorBody, "description": "what was asked makes no sense"},
    503: {"model": shapes.ErrorBody, "description": "the store refuses"},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": shapes.ErrorBody}}
ASKING: dict[int | str, dict[str, Any]] = {
    **NOT_FOUND,
    403: {"model": shapes.ErrorBody, "description": "no token is configured"},
    409: {"model": shapes.ErrorBody, "description": "the incident has ended"},
}


def as_json(value: object, status: int = 200) -> Response:
    """JSON in ASCII: strangers' labels may hold what UTF-8 cannot encode."""
    body = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Response(body, status, media_type="application/json")


def _ok(model: type[object]) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model}}


def make_router(site: Site) -> APIRouter:
    """All routes of the API."""
    router = APIRouter(prefix=PREFIX, responses=ERRORS)
    _add_incidents(router, site)
    _add_fleet(router, site)

    @router.post(
        "/requests", status_code=202, response_model=shapes.AskedBody, responses=ASKING
    )
    def request(asked: shapes.Asked) -> shapes.AskedBody:
        """Ack, close, silence, unsilence or forget; needs `Bearer <token>`."""
        return ask(site, asked)

    return router


def _add_incidents(router: APIRouter, site: Site) -> None:
    @router.get("/incidents", responses=_ok(shapes.IncidentsBody))
    def incidents(
        state: Literal["open", "all"] = "open",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 200,
    ) -> Response:
        """Newest detection first; `open` is answered without the store."""
        return as_json(document(_listed(site, state, limit)))

    @router.get(
        "/incidents/{incident_id}",
        responses={**_ok(shapes.StoryBody), **NOT_FOUND},
    )
    def incident(incident_id: str) -> Response:
        """One incident with its story."""
        found = site.store.incident(incident_id)
        if found is None:
            raise HTTPException(404, f"no incident {incident_id!r}")
        story = [_event(event) for event in site.store.story(incident_id)]
        return as_json({**as_record(found), "story": story})

    @router.get("/silences", responses=_ok(shapes.SilencesBody))
    def silences() -> Response:
        """Current, coming, and lately ended silences."""
        return as_json({"silences": _silences(site)})


def _add_fleet(router: APIRouter, site: Site) -> None:
    @router.get("/fleet", responses=_ok(shapes.FleetBody))
    def fleet() -> Response:
        """Clusters, nodes and GPUs with their open incidents."""
        return as_json({"clusters": [_cluster(v, site) for v in site.views().values()]})

    @router.get("/coverage", responses=_ok(shapes.CoverageBody))
    def coverage() -> Response:
        """What each rule can and cannot see."""
        rules = site.rules()
        found = [coverage_record(view, rules) for view in site.views().values()]
        return as_json({"clusters": found})


def _listed(site: Site, state: str, limit: int) -> Sequence[Incident]:
    """Open ones from the live value; before the first cycle, as the store has them."""
    if state == "open" and site.views():
        return [i for i in site.live_incidents() if i.open][:limit]
    return site.store.incidents(open_only=state == "open", limit=limit)


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": iso(event.at),
        "kind": event.kind.value,
        "text": event.text,
        "by": event.by or None,
    }


def _silences(site: Site) -> list[dict[str, Any]]:
    now = site.clock()
    return [
        {
            "id": silence.id,
            "cluster": view.cluster,
            "matchers": [str(matcher) for matcher in silence.matchers],
            "starts_at": iso(silence.starts_at),
            "ends_at": iso(silence.ends_at),
            "active": silence.active(now),
            "author": silence.author,
            "comment": silence.comment,
        }
        for view in site.views().values()
        for silence in view.silences
    ]


def _cluster(view: View, site: Site) -> dict[str, Any]:
    picture = picture_of(
        view, judging_gpus(site.rules()), site.clock(), site.patience_seconds
    )
    return {
        "cluster": view.cluster,
        "at": iso(view.at),
        "nodes": [_node(tile) for tile in picture.tiles],
    }


def _node(tile: Tile) -> dict[str, Any]:
    worst = max((i.severity for i in tile.all_incidents), default=None)
    return {
        "node": tile.node,
        "severity": worst.word if worst else None,
        "incidents": [i.id for i in tile.incidents],
        "gpus": [_gpu(cell) for cell in tile.cells],
    }


def _gpu(cell: Cell) -> dict[str, Any]:
    return {
        "uuid": cell.gpu.uuid,
        "mig": cell.gpu.mig or None,
        "index": cell.gpu.index,
        "model": cell.gpu.model or None,
        "present": cell.seen,
        "severity": cell.incidents[0].severity.word if cell.incidents else None,
        "incidents": [i.id for i in cell.incidents],
    }
