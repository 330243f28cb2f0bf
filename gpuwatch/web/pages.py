"""The pages for people: the status page, one incident's story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from gpuwatch.engine.view import View
from gpuwatch.errors import StoreError
from gpuwatch.incidents.wording import Links, card, place
from gpuwatch.model.incident import Event, Incident
from gpuwatch.model.message import Card
from gpuwatch.web.banners import banners, standing
from gpuwatch.web.picture import Picture, Tile, picture_of, worst_first
from gpuwatch.web.sight import Gap, gaps, judging_gpus
from gpuwatch.web.site import Site, heard_at
from gpuwatch.web.words import REFRESH_SECONDS, STYLE, page

MOST_INCIDENTS = 100
MOST_TILES = 2000
MOST_ENDED = 20
READ = ["GET", "HEAD"]


@dataclass(frozen=True)
class Told:
    """An incident, ready to be laid out."""

    incident: Incident
    card: Card
    place: str
    lasted_seconds: float


@dataclass(frozen=True)
class Corner:
    """What the page shows of one cluster.

    `calm`: how many nodes were left out because nothing was found on them.
    """

    view: View
    picture: Picture
    calm: int
    gaps: Sequence[Gap]
    heard_at: float


def make_router(site: Site) -> APIRouter:
    """The pages and their style sheet; none of it is part of the API."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=READ)
    def index() -> Response:
        return _index(site)

    @router.api_route("/incidents/{incident_id}", methods=READ)
    def incident(incident_id: str) -> Response:
        return _story(site, incident_id)

    @router.api_route("/static/style.css", methods=READ)
    def style() -> Response:
        caching = {"Cache-Control": "public, max-age=86400"}
        return Response(STYLE, media_type="text/css", headers=caching)

    return router


def _index(site: Site) -> Response:
    now, live = site.clock(), site.live_incidents()
    opened = worst_first(i for i in live if i.open)
    ended = sorted((i for i in live if not i.open), key=lambda i: -(i.resolved_at or 0))
    told, views = banners(site), site.views().values()
    missing = sum(view.gpus - view.gpus_present for view in views)
    return page(
        "index.html",
        now=now,
        refresh=REFRESH_SECONDS,
        banners=told,
        standing=standing(opened, told, missing),
        opened=[_told(i, now) for i in opened[:MOST_INCIDENTS]],
        more=max(0, len(opened) - MOST_INCIDENTS),
        ended=[_told(i, now) for i in ended[:MOST_ENDED]],
        corners=[_corner(view, site) for view in views],
        silences=[
            (view.cluster, silence)
            for view in views
            for silence in view.silences
            if silence.active(now)
        ],
    )


def _told(incident: Incident, now: float) -> Told:
    lasted = (incident.resolved_at or now) - incident.started_at
    return Told(incident, card(incident, now, Links()), place(incident), lasted)


def _corner(view: View, site: Site) -> Corner:
    picture = picture_of(
        view, judging_gpus(site.rules()), site.clock(), site.patience_seconds
    )
    shown = _worth_showing(picture.tiles)
    return Corner(
        view=view,
        picture=replace(picture, tiles=shown),
        calm=len(picture.tiles) - len(shown),
        gaps=gaps(view),
        heard_at=heard_at(view),
    )


def _worth_showing(tiles: Sequence[Tile]) -> tuple[Tile, ...]:
    """All of them; of a fleet too big for one page, those that are not well."""
    if len(tiles) <= MOST_TILES:
        return tuple(tiles)
    return tuple(tile for tile in tiles if tile.state != "ok")[:MOST_TILES]


def _story(site: Site, incident_id: str) -> Response:
    found = _find(site, incident_id)
    if found is None:
        return not_found(f"There is no incident {incident_id}.")
    try:
        story, trouble = site.store.story(incident_id), ""
    except StoreError as error:
        story, trouble = (), f"The store does not answer: {error}"
    return _story_page(site, found, story, trouble)


def _story_page(
    site: Site, incident: Incident, story: Sequence[Event], trouble: str
) -> Response:
    return page(
        "incident.html",
        now=site.clock(),
        refresh=REFRESH_SECONDS if incident.open else 0,
        told=_told(incident, site.clock()),
        story=story,
        trouble=trouble,
    )


def _find(site: Site, incident_id: str) -> Incident | None:
    """The live one first: it is there even when the store is not."""
    for incident in site.live_incidents():
        if incident.id == incident_id:
            return incident
    return site.store.incident(incident_id)


def not_found(text: str) -> Response:
    """A kind 404."""
    return failed(404, "Nothing here", text)


def failed(status: int, title: str, text: str) -> Response:
    """A page that says what is wrong and leads back."""
    return page("message.html", status, refresh=0, title=title, text=text)
