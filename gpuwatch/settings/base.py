"""What every section of the configuration is made of."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gpuwatch.model.duration import parse_duration


class Section(BaseModel):
    """A mapping of known keys; an unknown one is an error."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )


def _split(value: object) -> object:
    """Environment variables hold lists as `a,b`."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _http_url(url: str) -> str:
    parts = urlsplit(url)
    odd = any(character.isspace() for character in url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or odd:
        raise ValueError("not an HTTP address; write it like http://host:9090")
    if parts.port == 0:
        raise ValueError("port 0 cannot be asked; write the server's own")
    if parts.username or parts.password:
        raise ValueError("credentials in an address leak; use basic_auth or headers")
    if parts.query or parts.fragment:
        raise ValueError("a query string does not belong here; end it at the path")
    return url.rstrip("/")


Duration = Annotated[
    float, BeforeValidator(parse_duration, json_schema_input_type=str | float)
]
PositiveDuration = Annotated[Duration, Field(gt=0)]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_split, json_schema_input_type=list[str] | str),
]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
