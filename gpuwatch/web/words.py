"""From values to HTML: every string is cleaned, clipped and escaped on its way out."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from gpuwatch import __version__
from gpuwatch.incidents.record import iso
from gpuwatch.model.duration import say_duration

LONGEST_CHARACTERS = 1000
LONGEST_HEADING_CHARACTERS = 160
REFRESH_SECONDS = 15
STYLE = resources.files("gpuwatch.web.static").joinpath("style.css").read_bytes()
STYLE_URL = f"/static/style.css?v={sha256(STYLE).hexdigest()[:12]}"
# Browsers cannot take the tab's icon from a style sheet.
ICON_COLOURS = {
    "critical": "c62828",
    "warning": "e08600",
    "info": "3b78c4",
    "unknown": "8a63c9",
    "ok": "3f8f5f",
}


def clean(value: Any) -> Any:
    """Strings without control and direction characters, at most 1,000 long."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = clipped(value, LONGEST_CHARACTERS)
    return "".join(_printable(character) for character in text)


def clipped(text: str, characters: int = LONGEST_HEADING_CHARACTERS) -> str:
    """Its beginning, and a mark that there is more."""
    return text if len(text) <= characters else text[:characters] + "…"


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else "\ufffd"


def clock_time(at: float | None) -> str:
    """`24 Nov 06:00:15`, UTC."""
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %H:%M:%S")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gpuwatch.web"),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        iso=iso, clock_time=clock_time, duration=say_duration, short=clipped
    )
    environment.globals.update(
        version=__version__, style_url=STYLE_URL, icons=ICON_COLOURS
    )
    return environment


_TEMPLATES = _environment()


def page(template: str, status: int = 200, **values: object) -> Response:
    """A rendered page; what UTF-8 cannot encode becomes a question mark."""
    text = _TEMPLATES.get_template(template).render(**values)
    body = text.encode("utf-8", "replace")
    return Response(body, status, media_type="text/html; charset=utf-8")
