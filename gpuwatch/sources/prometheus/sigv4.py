"""Amazon's request signature, by botocore (the extra `aws`)."""

from __future__ import annotations

import importlib
from typing import Any

import requests
from requests.auth import AuthBase

from gpuwatch.errors import ConfigError, SourceError
from gpuwatch.settings import SigV4


class AmazonAuth(AuthBase):
    """Signs each request; ConfigError when botocore or the profile is missing."""

    def __init__(self, settings: SigV4) -> None:
        self._settings = settings
        self._session = _session(settings)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the headers Authorization and X-Amz-Date; SourceError without keys."""
        credentials = self._session.get_credentials()
        if credentials is None:
            raise SourceError("", "sigv4: no AWS credentials found")
        kind = request.headers.get("Content-Type")
        signed = _botocore("awsrequest").AWSRequest(
            method=request.method,
            url=request.url,
            data=request.body or b"",
            headers={"Content-Type": kind} if kind else {},
        )
        signer = _botocore("auth").SigV4Auth
        name, region = self._settings.service, self._settings.region
        signer(credentials, name, region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request


def _session(settings: SigV4) -> Any:
    session = _botocore("session").Session(profile=settings.profile)
    if settings.access_key is not None and settings.secret_key is not None:
        session.set_credentials(
            settings.access_key.get_secret_value(),
            settings.secret_key.get_secret_value(),
        )
    try:
        session.get_scoped_config()
    except _botocore("exceptions").ProfileNotFound as error:
        raise ConfigError(
            "prometheus.sigv4.profile",
            f"AWS knows no profile {settings.profile!r}",
            "write one of ~/.aws/config",
        ) from error
    return session


def _botocore(module: str) -> Any:
    try:
        return importlib.import_module(f"botocore.{module}")
    except ImportError as error:
        raise ConfigError(
            "prometheus.sigv4",
            "needs botocore, which is not installed",
            "install the extra: gpuwatch-fleet[aws]",
        ) from error
