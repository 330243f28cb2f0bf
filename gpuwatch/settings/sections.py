"""The small sections: Slack, the store, the page, the dead man's switch, logs."""

from __future__ import annotations

import os
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from gpuwatch.settings.base import HttpUrl, PositiveDuration, Section
from gpuwatch.settings.places import default_store_url

DAY_SECONDS = 86_400.0
# To reach one that listens on every address.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class SlackSettings(Section):
    """The channel; without `token` or `webhook_url` messages go to the console."""

    token: SecretStr | None = Field(None, description="bot token, xoxb-...")
    channel: str | None = Field(None, description="channel, such as #gpu-alerts")
    app_token: SecretStr | None = Field(
        None, description="app token, xapp-..., for buttons (Socket Mode)"
    )
    webhook_url: SecretStr | None = Field(
        None, description="incoming webhook instead of a token; it cannot edit"
    )
    base_url: HttpUrl = Field(
        "https://slack.com/api/", validate_default=True, description="Slack's API"
    )
    mention: str = Field(
        "<!channel>", description="whom to call on critical news; empty: nobody"
    )

    @property
    def ready(self) -> bool:
        """Whether there is enough to post with."""
        return self.webhook_url is not None or bool(self.token and self.channel)

    @field_validator("base_url")
    @classmethod
    def _ends_in_slash(cls, url: str) -> str:
        return url.rstrip("/") + "/"

    @field_validator("token")
    @classmethod
    def _bot_token(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and token.get_secret_value().startswith("xapp-"):
            raise ValueError("that is an app token; put it under slack.app_token")
        return token

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.webhook_url is not None and self.token is not None:
            raise ValueError("token and webhook_url exclude each other; keep one")
        if self.token is not None and not self.channel:
            raise ValueError("a token without a channel; add slack.channel")
        return self


class StoreSettings(Section):
    """The memory: SQLite by default, PostgreSQL by URL."""

    url: SecretStr = Field(
        default_factory=lambda: SecretStr(default_store_url(os.environ)),
        description="SQLAlchemy URL; default: SQLite in the state folder",
    )
    retention: PositiveDuration = Field(
        180 * DAY_SECONDS, description="forget incidents this long after their end"
    )


class WebSettings(Section):
    """The status page, the JSON API and /metrics."""

    listen: str = Field("127.0.0.1:9488", description="host:port to listen on")
    token: SecretStr | None = Field(
        None, description="asked for by requests that change something"
    )
    external_url: HttpUrl | None = Field(
        None, description="address under which people reach the page, for links"
    )

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not host or not (port.isdecimal() and port.isascii()) or int(port) > 65_535:
            raise ValueError("not host:port; write it like 127.0.0.1:9488")
        return listen

    @property
    def host(self) -> str:
        """The host part, without the brackets of an IPv6 address."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port; 0 lets the system choose."""
        return int(self.listen.rpartition(":")[2])

    @property
    def url_here(self) -> str:
        """Where other programs on this host reach it, without a trailing slash."""
        host = _ANY.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


class DeadmanSettings(Section):
    """A ping to a service that alarms when it stops (healthchecks.io and the like)."""

    url: SecretStr | None = Field(
        None, description="address to ping after each full good cycle"
    )
    interval: PositiveDuration = Field(60.0, description="ping at most this often")


class LogSettings(Section):
    """What is logged, to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least important level that is logged"
    )
    format: Literal["text", "json"] = Field("text", description="form of a line")
