"""Where readings come from: a Prometheus a cluster, or exporters directly."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from gpuwatch.settings.base import (
    Duration,
    HttpUrl,
    Names,
    PositiveDuration,
    Section,
)


class Backend(StrEnum):
    """What answers behind the Prometheus HTTP API; AUTO asks the server."""

    AUTO = "auto"
    PROMETHEUS = "prometheus"
    THANOS = "thanos"
    MIMIR = "mimir"
    VICTORIAMETRICS = "victoriametrics"
    MANAGED = "managed"
    AMAZON = "amazon"


class BasicAuth(Section):
    """HTTP basic authentication; the file is read again when it changes."""

    username: str = Field(description="user name")
    password: SecretStr | None = Field(None, description="password")
    password_file: Path | None = Field(
        None, description="file that holds the password; read again when it changes"
    )

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if (self.password is None) == (self.password_file is None):
            raise ValueError("needs a password; give one of password, password_file")
        return self


class Tls(Section):
    """How the server proves itself, and how we do."""

    ca_file: Path | None = Field(None, description="PEM file of authorities to trust")
    cert_file: Path | None = Field(None, description="PEM file of our certificate")
    key_file: Path | None = Field(None, description="PEM file of our private key")
    server_name: str | None = Field(
        None, description="name to expect in the server's certificate"
    )
    insecure_skip_verify: bool = Field(
        default=False, description="trust any certificate (anyone in between can lie)"
    )

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> Self:
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file without a certificate; add cert_file")
        return self


class SigV4(Section):
    """Amazon's request signing; needs the extra `gpuwatch-fleet[aws]`."""

    region: str = Field(description="AWS region, such as us-east-1")
    access_key: SecretStr | None = Field(
        None, description="access key id; default: AWS's usual places"
    )
    secret_key: SecretStr | None = Field(None, description="secret access key")
    profile: str | None = Field(None, description="profile of the AWS files")
    service: str = Field("aps", description="service name that is signed for")

    @model_validator(mode="after")
    def _both_keys(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("half a credential; give access_key and secret_key")
        return self


class PrometheusSettings(Section):
    """One cluster's Prometheus, Thanos, Mimir, VictoriaMetrics or managed service."""

    name: str = Field(
        "default", min_length=1, description="name of the cluster in messages"
    )
    url: HttpUrl | None = Field(
        None, description="address, up to and without /api/v1 (http://localhost:9090)"
    )
    urls: tuple[HttpUrl, ...] = Field(
        (), description="HA pair of this one cluster: the first that works is asked"
    )
    backend: Backend = Field(
        Backend.AUTO, description="what answers there; auto asks the server"
    )
    offset: Duration | None = Field(
        None,
        ge=0,
        description="ask this far in the past, for late data; default: the backend's",
    )
    max_sample_age: PositiveDuration = Field(
        90.0, description="an older sample counts as absent"
    )
    timeout: PositiveDuration = Field(
        30.0, description="longest that all answers of one cycle may take together"
    )
    retry_first_after: PositiveDuration = Field(
        60.0, description="with urls: look this often whether the first is back"
    )
    drop_labels: Names = Field(
        (), description="replica labels to shed, such as replica or prometheus"
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description="HTTP headers to add to each request"
    )
    bearer_token: SecretStr | None = Field(None, description="bearer token")
    bearer_token_file: Path | None = Field(
        None, description="file that holds the bearer token; read again when it changes"
    )
    basic_auth: BasicAuth | None = Field(None, description="user name and password")
    tls: Tls = Field(default_factory=Tls, description="certificates")
    tenant: str | None = Field(None, description="sent as X-Scope-OrgID (Mimir)")
    sigv4: SigV4 | None = Field(None, description="Amazon's request signing")
    trust_env: bool = Field(
        default=False,
        description="obey HTTP_PROXY, NO_PROXY and .netrc of the environment",
    )

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses of this cluster, in order of preference."""
        return (self.url,) if self.url is not None else self.urls

    @field_validator("headers")
    @classmethod
    def _one_line_headers(cls, headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for name, value in headers.items():
            if ":" in name or not _plain_line(name + value.get_secret_value()):
                raise ValueError("not an HTTP header; use one line of plain ASCII")
        return headers

    @field_validator("tenant")
    @classmethod
    def _one_line_tenant(cls, tenant: str | None) -> str | None:
        if tenant is not None and not _plain_line(tenant):
            raise ValueError("not a tenant id; use one line of plain ASCII")
        return tenant

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) == (not self.urls):
            raise ValueError("needs an address; give one of url, urls")
        return self

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        names = ("bearer_token", "bearer_token_file", "basic_auth", "sigv4")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; keep one")
        return self


def _plain_line(text: str) -> bool:
    return text.isprintable() and text.isascii() and text == text.strip()


class ExportersSettings(Section):
    """dcgm-exporters scraped directly, where there is no Prometheus."""

    name: str = Field(
        "default", min_length=1, description="name of the cluster in messages"
    )
    urls: tuple[HttpUrl, ...] = Field(
        (), description="addresses of exporters, such as http://gpu-01:9400/metrics"
    )
    interval: PositiveDuration | None = Field(
        None, description="how often to scrape; default: poll_interval"
    )
